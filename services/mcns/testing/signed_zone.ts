/**
 * Zones that look signed: every set with authority has an RRSIG (of the right type, labels and signer, over nothing), and
 * an NSEC or NSEC3 chain stands beside. For tests of what is sent, not of what a validator thinks of it.
 */
import { nsec3Hash } from "../dns/nsec3_hash.ts";
import { isAtOrBelow, labelsOfKey, parentKey, textOfKey } from "../domain/name.ts";
import { parseData } from "../domain/rdata/record_data.ts";
import { types, typeText } from "../domain/rdata/record_type.ts";
import { type RecordSet, setOf, type Zone } from "../domain/zone.ts";
import { zoneOf } from "./zone_text.ts";

export interface SigningOptions {
  /** NSEC3 with 12 iterations, salt aabbccdd and opt-out, as in RFC 5155 appendix A. Default: NSEC. */
  nsec3?: boolean;
}

/** `zoneOf`, signed. */
export function signedZoneOf(origin: string, lines: readonly string[], { nsec3 = false }: SigningOptions = {}): Zone {
  const key = "DNSKEY 256 3 13 " + "A".repeat(86) + "==";
  const zone = zoneOf(origin, [...lines, `@ ${key}`, ...(nsec3 ? ["@ 0 NSEC3PARAM 1 0 12 aabbccdd"] : [])]);
  const cuts = [...zone.names()].filter((name) =>
    name !== zone.key && setOf(zone.setsAt(name), types.NS) !== undefined
  );
  const isHidden = (name: string) => cuts.some((cut) => name !== cut && isAtOrBelow(name, cut));
  const owners = zone.canonicalNames().filter((name) => !isHidden(name));
  const chain = new Map<string, RecordSet>();
  if (nsec3) {
    const isInsecure = (name: string) => cuts.includes(name) && setOf(zone.setsAt(name), types.DS) === undefined;
    const signed = owners.filter((name) => !isInsecure(name));
    const names = [...new Set(signed.flatMap((name) => [name, ...ancestors(name, zone.key)]))];
    const hashed = names.map((name) => ({ name, label: nsec3Hash(name, zone.nsec3!) }));
    hashed.sort((a, b) => (a.label < b.label ? -1 : 1));
    for (const [i, { name, label }] of hashed.entries()) {
      const next = hashed[(i + 1) % hashed.length]!.label.slice(1);
      const text = `1 1 12 aabbccdd ${next} ${bitmap(zone.setsAt(name), [])}`.trim();
      chain.set(label + zone.key, signedSet(zone, label + zone.key, types.NSEC3, [parseData(types.NSEC3, text)]));
    }
  } else {
    for (const [i, name] of owners.entries()) {
      const next = textOfKey(owners[(i + 1) % owners.length]!);
      const text = `${next}. ${bitmap(zone.setsAt(name), ["NSEC"])}`;
      chain.set(name, signedSet(zone, name, types.NSEC, [parseData(types.NSEC, text)]));
    }
  }
  for (const name of owners) {
    const sets = zone.setsAt(name).map((set) =>
      cuts.includes(name) && set.type !== types.DS ? set : signedSet(zone, name, set.type, set.data, set.ttlSeconds)
    );
    const own = nsec3 ? undefined : chain.get(name);
    zone.replaceSets(name, own === undefined ? sets : [...sets, own]);
  }
  if (nsec3) { for (const [owner, set] of chain) zone.replaceSets(owner, [...zone.setsAt(owner), set]); }
  return zone;
}

function ancestors(name: string, apex: string): string[] {
  const above = parentKey(name);
  return name === apex || above === apex ? [] : [above, ...ancestors(above, apex)];
}

function signedSet(zone: Zone, owner: string, type: number, data: readonly string[], ttlSeconds = 300): RecordSet {
  const labels = labelsOfKey(owner).filter((label) => label !== "*").length;
  const times = `20260201000000 20260101000000 4711 ${zone.name}.`;
  const text = `${typeText(type)} 13 ${labels} ${ttlSeconds} ${times} ${"A".repeat(86)}==`;
  return { type, ttlSeconds, data, signatures: [parseData(types.RRSIG, text)] };
}

function bitmap(sets: readonly RecordSet[], more: readonly string[]): string {
  if (sets.length === 0) return "";
  const isCut = sets.every(({ type }) => type === types.NS);
  return [...sets.map(({ type }) => typeText(type)), ...(isCut && more.length === 0 ? [] : ["RRSIG"]), ...more].join(
    " ",
  );
}

/** Shortens signatures in a reply as text: "www 300 RRSIG A 13 3 …" to "www 300 RRSIG A", and NSEC3 to its owner's first letters. */
export function withoutSignatures(reply: string): string {
  return reply.replaceAll(/( RRSIG \S+) .*/g, "$1").replaceAll(/^(\S+ \d+ NSEC3?) .*/gm, "$1");
}
