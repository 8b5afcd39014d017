/** Zones from text, as tests write them. */
import { DomainName } from "../domain/name.ts";
import { type Octets, u16At } from "../domain/octets.ts";
import { types } from "../domain/rdata/record_type.ts";
import { type RecordSet, Zone } from "../domain/zone.ts";
import { ZoneDirectory } from "../domain/zone_directory.ts";
import { parseZoneFile } from "../domain/zone_file/parse_zone_file.ts";

/**
 * A zone from lines of a zone file; those without a TTL get 300 seconds. Unless they have an SOA it is `ns1.<zone> admin.<zone> 2026010100 3600 600 604800 300`
 * with TTL 3600, and unless they have an NS at the apex that is ns1.<zone>, with TTL 3600 too.
 */
export function zoneOf(origin: string, lines: readonly string[]): Zone {
  const name = DomainName.parse(origin, "zone");
  const zone = new Zone(name);
  const records = recordsOf(name, lines);
  const apex = records.filter(({ owner }) => owner === name.key);
  const missing = [
    ...(apex.some(({ type }) => type === types.SOA) ? [] : ["@ 3600 SOA ns1 admin 2026010100 3600 600 604800 300"]),
    ...(apex.some(({ type }) => type === types.NS) ? [] : ["@ 3600 NS ns1"]),
  ];
  for (const [owner, sets] of setsOf([...recordsOf(name, missing), ...records])) zone.replaceSets(owner, sets);
  return zone;
}

function recordsOf(name: DomainName, lines: readonly string[]) {
  return parseZoneFile(["$TTL 300", ...lines].join("\n"), { origin: name });
}

/** Sets by owner; RRSIG records become the signatures of the set that they cover. */
export function setsOf(
  records: Iterable<{ owner: string; type: number; ttlSeconds: number; data: Octets }>,
): Map<string, RecordSet[]> {
  const byOwner = new Map<string, Map<number, { ttlSeconds: number; data: Octets[]; signatures: Octets[] }>>();
  for (const { owner, type, ttlSeconds, data } of records) {
    const covered = type === types.RRSIG ? u16At(data, 0) : type;
    const sets = byOwner.get(owner) ?? new Map();
    byOwner.set(owner, sets);
    const set = sets.get(covered) ?? { ttlSeconds, data: [], signatures: [] };
    sets.set(covered, set);
    (type === types.RRSIG ? set.signatures : set.data).push(data);
  }
  return new Map([...byOwner].map(([owner, sets]) => [
    owner,
    [...sets].map(([type, { ttlSeconds, data, signatures }]) => ({ type, ttlSeconds, data: data.sort(), signatures })),
  ]));
}

export function directoryOf(...zones: Zone[]): ZoneDirectory {
  const directory = new ZoneDirectory();
  for (const zone of zones) directory.put(zone);
  return directory;
}

/** Zones that all clients see alike, as `Answers` takes them. */
export function viewsOf(...zones: Zone[]): { directoryFor(): ZoneDirectory } {
  const directory = directoryOf(...zones);
  return { directoryFor: () => directory };
}
