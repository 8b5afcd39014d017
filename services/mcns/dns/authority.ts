/** Writes what our zones say to a question (RFC 1034 §4.3.2). */
import { maxLinks, redirected } from "../domain/chain.ts";
import type { Nsec3Hash } from "../domain/denial_nsec3.ts";
import { proofsFor } from "../domain/denial.ts";
import { LookupName } from "../domain/lookup_name.ts";
import type { Octets } from "../domain/octets.ts";
import { type Finding, type OwnedSet, type RecordSet, setOf, type Zone } from "../domain/zone.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";
import { addAddresses, addGlue, namesHosts } from "./additional.ts";
import { resolveAlias } from "./alias.ts";
import { rcodes, types } from "./codes.ts";
import type { Query } from "./query.ts";
import { type ReplyWriter, type Section, sections } from "./reply_writer.ts";

/** What was written. */
export interface Authoritative {
  rcode: number;
  /** False for a referral alone. */
  authoritative: boolean;
  /** Where a chain of CNAMEs left our zones: the key of a name that somebody else knows. */
  leftAt: string | null;
  /** The target of an ALIAS that somebody else knows, whose addresses are needed for an answer. */
  aliasAt: string | null;
  /** A zone on the way has no content yet. */
  notReady: boolean;
}

/** Addresses that an upstream has for an ALIAS's target. */
export interface AliasAddresses {
  readonly key: string;
  readonly ttlSeconds: number;
  readonly data: readonly Octets[];
}

/** The zone that has the authority to answer; undefined when none of ours has. */
export function authorityFor(zones: ZoneDirectory, name: LookupName, type: number): Zone | undefined {
  const zone = zones.zoneForName(name);
  if (type !== types.DS || zone === undefined || zone.key.length !== name.length) return zone;
  // RFC 4035 §3.1.4.1: DS lives on the parent's side of a zone cut. A parent of ours that has no such cut would deny the
  // whole name, and resolvers everything below it (RFC 8020): then the zone speaks for itself.
  const parent = zones.zoneForName(name, 1);
  if (parent === undefined || !parent.isAnswerable) return zone;
  return parent.findName(name, type).kind === "no_name" ? zone : parent;
}

/** Writes answer, authority and additional sections of one reply after the other. */
export class AuthorityWriter {
  readonly #hash: Nsec3Hash;
  readonly #next = new LookupName();
  #zones!: ZoneDirectory;
  #query!: Query;
  #writer!: ReplyWriter;
  #dnssecOk = false;
  /** Proofs that go with wildcard answers: they stand in the authority section, after all answers. */
  #proofs: OwnedSet[] = [];

  constructor(hash: Nsec3Hash) {
    this.#hash = hash;
  }

  /**
   * Writes what our zones have, starting in `zone`. Unless the chain has left them all sections are written; else call
   * `writeProofs` after the rest of the answer.
   * @param alias what an upstream has for an ALIAS's target; undefined when it hasn't been asked
   */
  write(
    zones: ZoneDirectory,
    zone: Zone,
    query: Query,
    writer: ReplyWriter,
    alias: AliasAddresses | undefined,
  ): Authoritative {
    this.#zones = zones;
    this.#query = query;
    this.#writer = writer;
    this.#dnssecOk = query.dnssecOk;
    if (this.#proofs.length > 0) this.#proofs = [];
    const result: Authoritative = {
      rcode: rcodes.NOERROR,
      authoritative: true,
      leftAt: null,
      aliasAt: null,
      notReady: false,
    };
    this.#follow(zone, result, alias);
    return result;
  }

  /** Writes the proofs of wildcard answers into the authority section. */
  writeProofs(): void {
    for (const { owner, set } of this.#proofs) this.#set(sections.authority, owner, set);
  }

  #follow(first: Zone, result: Authoritative, aliasAddresses: AliasAddresses | undefined): void {
    const query = this.#query, { type } = query;
    let zone = first;
    let name = query.name;
    /** Null for the name asked for. */
    let key: string | null = null;
    /** The names gone through; null as long as there was no link. */
    let passed: string[] | null = null;
    /** Owners of the DNAMEs among them: one that leads below itself is passed again and again, and written once. */
    let turns: string[] | null = null;
    for (let links = 0;; links++) {
      if (!zone.isAnswerable) {
        result.notReady = true;
        return;
      }
      const finding = zone.findName(name, type);
      let target: string;
      switch (finding.kind) {
        case "records":
          this.#set(sections.answer, key, finding.set!);
          this.#proveWildcard(zone, finding, key);
          this.writeProofs();
          // Asked first, as the owner's key is made anew.
          if (namesHosts(finding.set!.type)) {
            const owner = finding.wildcard ? key ?? query.key : finding.owner;
            addAddresses(zone, owner, finding.set!, this.#dnssecOk, this.#writer);
          }
          return;
        case "signatures":
          for (const { ttlSeconds, signatures } of finding.sets) {
            this.#writer.records(sections.answer, key, types.RRSIG, ttlSeconds, signatures);
          }
          this.#proveWildcard(zone, finding, key);
          return this.writeProofs();
        case "alias":
          return this.#alias(zone, finding, key, result, aliasAddresses);
        case "delegation":
          result.authoritative = links > 0;
          return this.#refer(zone, finding);
        case "no_name":
          // RFC 6604 §3: the rcode is that of the chain's last name.
          result.rcode = rcodes.NXDOMAIN;
          return this.#deny(zone, finding, key);
        case "no_data":
          return this.#deny(zone, finding, key);
        case "cname":
          this.#set(sections.answer, key, finding.set!);
          this.#proveWildcard(zone, finding, key);
          target = finding.set!.data[0]!;
          break;
        case "dname": {
          const set = finding.set!, { owner } = finding, from: string = key ?? query.key;
          if (turns === null || !turns.includes(owner)) this.#set(sections.answer, owner, set);
          (turns ??= []).push(owner);
          const next = redirected(from, owner, set.data[0]!);
          if (next === null) {
            result.rcode = rcodes.YXDOMAIN;
            return;
          }
          target = next;
          // RFC 6672 §3.1: with the DNAME's TTL, and unsigned.
          this.#writer.records(sections.answer, key, types.CNAME, set.ttlSeconds, [target]);
          // Who asked for the CNAME has it.
          if (type === types.CNAME) return this.writeProofs();
          break;
        }
      }
      passed ??= [query.key];
      // A loop, or too long to be meant: what was found so far is the answer.
      if (passed.includes(target) || links + 1 >= maxLinks) return this.writeProofs();
      passed.push(target);
      key = target;
      name = this.#next.set(target);
      const next = authorityFor(this.#zones, name, type);
      if (next === undefined) {
        result.leftAt = target;
        return;
      }
      zone = next;
    }
  }

  /** A set with its signatures, where the client wants them. */
  #set(section: Section, owner: string | null, set: RecordSet, ttlSeconds: number = set.ttlSeconds): void {
    this.#writer.set(section, owner, set, this.#dnssecOk, ttlSeconds);
  }

  #proveWildcard(zone: Zone, finding: Finding, key: string | null): void {
    if (finding.wildcard && this.#dnssecOk) this.#prove(zone, finding, key);
  }

  #prove(zone: Zone, finding: Finding, key: string | null): void {
    for (const proof of proofsFor(zone, finding, key ?? this.#query.key, this.#hash)) {
      if (!this.#proofs.some(({ owner }) => owner === proof.owner)) this.#proofs.push(proof);
    }
  }

  /** RFC 2308 §2: NXDOMAIN and NODATA carry the SOA, with the seconds that the "no" may be kept. */
  #deny(zone: Zone, finding: Finding, key: string | null, ttlSeconds: number = zone.negativeTtlSeconds): void {
    this.#set(sections.authority, zone.key, zone.soaSet, ttlSeconds);
    if (this.#dnssecOk) this.#prove(zone, finding, key);
    this.writeProofs();
  }

  /** RFC 1034 §4.3.2 step 3b; RFC 4035 §3.1.4: with the DS, or the proof that there is none. */
  #refer(zone: Zone, finding: Finding): void {
    const servers = finding.set!, cut = finding.owner;
    // The NS set belongs to the child: no signature of ours is over it.
    this.#writer.set(sections.authority, cut, servers, false);
    if (this.#dnssecOk && zone.isSigned) {
      const ds = setOf(finding.sets, types.DS);
      if (ds !== undefined) this.#set(sections.authority, cut, ds);
      else this.#prove(zone, finding, cut);
    }
    this.writeProofs();
    addGlue(zone, cut, servers, this.#dnssecOk, this.#writer);
  }

  #alias(
    zone: Zone,
    finding: Finding,
    key: string | null,
    result: Authoritative,
    addresses: AliasAddresses | undefined,
  ): void {
    const { type } = this.#query, set = finding.set!;
    let found = resolveAlias(this.#zones, set.data[0]!, type, set.ttlSeconds);
    if (found !== null && found.leftAt !== null) {
      if (addresses?.key !== found.leftAt) {
        result.aliasAt = found.leftAt;
        return;
      }
      found = { ...addresses, ttlSeconds: Math.min(found.ttlSeconds, addresses.ttlSeconds), leftAt: null };
    }
    if (found === null) result.rcode = rcodes.SERVFAIL;
    else if (found.data.length > 0) {
      this.#writer.records(sections.answer, key, type, found.ttlSeconds, found.data);
      this.writeProofs();
    } else {
      // The target may get addresses sooner than the zone's own "no" would run out.
      this.#deny(zone, finding, key, Math.min(found.ttlSeconds, zone.negativeTtlSeconds));
    }
  }
}
