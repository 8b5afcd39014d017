/** The additional section: addresses of the hosts that records name (RFC 1034 §4.3.2 step 6), and glue. */
import { isAtOrBelow } from "../domain/name.ts";
import type { Octets } from "../domain/octets.ts";
import { targetOf } from "../domain/rdata/record_data.ts";
import { type RecordSet, setOf, type Zone } from "../domain/zone.ts";
import { types } from "./codes.ts";
import { type ReplyWriter, sections } from "./reply_writer.ts";

/**
 * Adds the addresses of the hosts in `set` as far as the zone has them: its own or glue. What doesn't fit is left out.
 * Addresses in other zones of ours would be no use: a resolver believes what is below the zone asked (RFC 2181 §5.4.1).
 * @param owner where the set stands: what `.` means in SVCB and HTTPS (RFC 9460 §2.5.2)
 */
export function addAddresses(
  zone: Zone,
  owner: string,
  set: Pick<RecordSet, "type" | "data">,
  dnssecOk: boolean,
  writer: ReplyWriter,
): void {
  if (!namesHosts(set.type)) return;
  const done: string[] = [];
  for (const data of set.data) {
    const host = hostOf(set.type, data, owner);
    if (host === null || done.includes(host) || !isAtOrBelow(host, zone.key)) continue;
    done.push(host);
    // RFC 9460 §4.1: the records that an AliasMode one stands for as well.
    const wanted = isServiceBinding(set.type) && isAliasMode(data) ? [...addressTypes, set.type] : addressTypes;
    for (const type of wanted) {
      const finding = zone.find(host, type);
      // Those of a wildcard would need a proof beside them; and a CNAME is no address.
      const found = finding.kind === "records" && !(finding.wildcard && dnssecOk)
        ? finding.set!
        : finding.kind === "delegation"
        ? setOf(zone.setsAt(host), type)
        : undefined;
      if (found !== undefined && !writer.set(sections.additional, host, found, dnssecOk)) return;
    }
  }
}

/**
 * Adds glue for a referral: all of it for name servers in the delegated domain, else the reply is truncated (RFC 9471 §3);
 * then, as far as it fits, what the zone has of the others' addresses (sibling glue).
 */
export function addGlue(zone: Zone, cut: string, servers: RecordSet, dnssecOk: boolean, writer: ReplyWriter): void {
  const elsewhere: Octets[] = [];
  for (const host of servers.data) {
    if (!isAtOrBelow(host, cut)) {
      elsewhere.push(host);
      continue;
    }
    for (const set of zone.setsAt(host)) {
      if (isAddress(set.type) && !writer.set(sections.additional, host, set, false)) return writer.truncate();
    }
  }
  if (elsewhere.length > 0) addAddresses(zone, cut, { type: servers.type, data: elsewhere }, dnssecOk, writer);
}

const addressTypes: readonly number[] = [types.A, types.AAAA];
const isServiceBinding = (type: number): boolean => type === types.SVCB || type === types.HTTPS;
const isAddress = (type: number): boolean => type === types.A || type === types.AAAA;

/** Priority 0 (RFC 9460 §2.4.2). */
const isAliasMode = (data: Octets): boolean => data.startsWith("\0\0");

/** Whether data of the type names hosts whose addresses the client will want. */
export function namesHosts(type: number): boolean {
  switch (type) {
    case types.NS:
    case types.MX:
    case types.SRV:
    case types.SVCB:
    case types.HTTPS:
    case types.NAPTR:
    case types.AFSDB:
    case types.KX:
      return true;
    default:
      return false;
  }
}

function hostOf(type: number, data: Octets, owner: string): string | null {
  // The `.` of AliasMode says that there is no service.
  return targetOf(type, data) ?? (isServiceBinding(type) && !isAliasMode(data) ? owner : null);
}
