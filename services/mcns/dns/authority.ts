/** Writes what our zones say to a question (RFC 1034 §4.3.2). */
import { parentKey } from "../domain/name.ts";
import type { RecordSet, SetType, Zone } from "../domain/zone.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";
import { rcodes, setTypeOf, types } from "./codes.ts";
import type { Query } from "./query.ts";
import { type ReplyWriter, type Section, sections } from "./reply_writer.ts";

/** How many CNAMEs are followed; resolvers give up at 8 to 16 as well. */
const maxLinks = 16;

/** What was written. */
export interface Authoritative {
  rcode: number;
  /** Where a chain of CNAMEs left our zones: the key of a name that somebody else knows. */
  leftAt: string | null;
}

/** The zone that has the authority to answer; undefined when none of ours has. */
export function authorityFor(zones: ZoneDirectory, query: Query): Zone | undefined {
  const zone = zones.zoneFor(query.key);
  // RFC 4035 §3.1.4.1: DS lives on the parent's side of a zone cut.
  if (zone !== undefined && query.type === types.DS && zone.name.key === query.key) {
    return zones.zoneFor(parentKey(query.key)) ?? zone;
  }
  return zone;
}

/** Writes answer, authority and additional sections, starting in `zone`. */
export function writeAuthoritative(
  zones: ZoneDirectory,
  zone: Zone,
  query: Query,
  writer: ReplyWriter,
): Authoritative {
  const type = setTypeOf(query.type);
  const seen: string[] = [];
  let key = query.key;
  let at: Zone | undefined = zone;
  for (; at !== undefined; at = zones.zoneFor(key)) {
    const finding = at.find(key, type);
    switch (finding.kind) {
      case "records":
        writeSet(writer, sections.answer, key, finding.set);
        if (finding.set.type === "NS") writeAddresses(zones, finding.set, writer);
        return { rcode: rcodes.NOERROR, leftAt: null };
      case "alias":
        seen.push(key);
        writeSet(writer, sections.answer, key, finding.set);
        key = finding.target.key;
        // A loop, or too long to be meant: what was found so far is the answer.
        if (seen.includes(key) || seen.length >= maxLinks) return { rcode: rcodes.NOERROR, leftAt: null };
        break;
      case "no_data":
        writeNegative(at, writer);
        return { rcode: rcodes.NOERROR, leftAt: null };
      case "no_name":
        writeNegative(at, writer);
        // RFC 6604 §3: the rcode is that of the chain's last name.
        return { rcode: rcodes.NXDOMAIN, leftAt: null };
    }
  }
  return { rcode: rcodes.NOERROR, leftAt: key };
}

const typeNumbers: Readonly<Record<SetType, number>> = {
  A: types.A,
  AAAA: types.AAAA,
  CNAME: types.CNAME,
  NS: types.NS,
  SOA: types.SOA,
};

function writeSet(writer: ReplyWriter, section: Section, owner: string, set: RecordSet, ttl = set.ttlSeconds): void {
  const type = typeNumbers[set.type];
  if (set.type === "SOA") {
    for (const soa of set.values) {
      writer.startRecord(owner, type, ttl);
      writer.name(soa.primaryNs.key);
      writer.name(soa.mailbox.key);
      writer.u32(soa.serial);
      writer.u32(soa.refresh);
      writer.u32(soa.retry);
      writer.u32(soa.expire);
      writer.u32(soa.minimum);
      writer.endRecord(section);
    }
  } else if (set.type === "NS") {
    for (const target of set.values) {
      writer.startRecord(owner, type, ttl);
      writer.name(target.key);
      writer.endRecord(section);
    }
  } else {
    for (const value of set.values) {
      writer.startRecord(owner, type, ttl);
      if (value.type === "CNAME") writer.name(value.target.key);
      else writer.octets(value.octets);
      writer.endRecord(section);
    }
  }
}

/** RFC 2308 §2: NXDOMAIN and NODATA carry the SOA, with the seconds that the "no" may be kept. */
function writeNegative(zone: Zone, writer: ReplyWriter): void {
  const apex = zone.find(zone.name.key, "SOA");
  if (apex.kind === "records") {
    writeSet(writer, sections.authority, zone.name.key, apex.set, zone.negativeTtlSeconds);
  }
}

/** Addresses of the name servers, as far as our zones have them. */
function writeAddresses(zones: ZoneDirectory, set: RecordSet & { type: "NS" }, writer: ReplyWriter): void {
  for (const { key } of set.values) {
    for (const type of ["A", "AAAA"] as const) {
      const finding = zones.zoneFor(key)?.find(key, type);
      if (finding?.kind === "records") writeSet(writer, sections.additional, key, finding.set);
    }
  }
}
