/**
 * The zone that all servers get: an address per host, as many as wanted. And the questions about it.
 * @module
 */

export const origin = "bench.test";

/** The SOA, the NS and its address. */
const apexRecords = 3;

/** Hosts of a zone with so many records in all. */
export const hostsIn = (records: number): number => records - apexRecords;

/** As a zone file. */
export function zoneText(records: number): string {
  const lines = [
    `$ORIGIN ${origin}.`,
    "$TTL 300",
    "@ IN SOA ns1 hostmaster 2026010100 3600 600 604800 300",
    "@ IN NS ns1",
    "ns1 IN A 127.0.0.1",
  ];
  for (let i = 0; i < hostsIn(records); i++) lines.push(`h${i} IN A ${addressOf(i)}`);
  return lines.join("\n") + "\n";
}

export const addressOf = (host: number): string => `10.${host >> 16 & 255}.${host >> 8 & 255}.${host & 255}`;

/** At most so many different names are asked for: of a larger zone a sample from all over it. */
const maxNames = 100_000;

/** For dnsperf: "name type" lines in random order, the same in every run. */
export function questionLines(records: number): string {
  const hosts = hostsIn(records);
  const count = Math.min(hosts, maxNames);
  const names = Array.from({ length: count }, (_, i) => Math.floor(i * hosts / count));
  // A linear congruential generator (Numerical Recipes): good enough to shuffle by.
  let random = 1;
  for (let i = names.length - 1; i > 0; i--) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    const j = random % (i + 1);
    [names[i], names[j]] = [names[j]!, names[i]!];
  }
  return names.map((host) => `h${host}.${origin} A\n`).join("");
}
