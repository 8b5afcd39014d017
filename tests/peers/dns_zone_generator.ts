/**
 * Zones and queries from a seed: every record type, wildcards, delegations with and without glue, empty non-terminals,
 * chains of CNAMEs in and out of the zone, DNAMEs. The same seed makes the same zone.
 * @module
 */
import { seeded } from "@lib/testing/mod.ts";

/** Random choices from a seed: a failing run can be repeated. */
export class Seeded {
  /** 0 to before its argument, whole. */
  readonly below: (below: number) => number;

  constructor(seed: number) {
    this.below = seeded(seed);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

export interface GeneratedZone {
  readonly origin: string;
  /** A zone file with absolute names. */
  readonly text: string;
  /** Every owner in it, and names that only have names below them. */
  readonly names: readonly string[];
  /** Where it is delegated, and names with a DNAME. */
  readonly cuts: readonly string[];
}

const words = [
  "www",
  "mail",
  "a",
  "b",
  "ns1",
  "api",
  "db",
  "x-1",
  "_tcp",
  "_dmarc",
  "deep",
  "z9",
  "Host",
  "1",
  "xn--bcher-kva",
];
const hex = (random: Seeded, octets: number): string =>
  Array.from({ length: octets }, () => random.below(256).toString(16).padStart(2, "0")).join("");
const base64 = (random: Seeded, octets: number): string =>
  btoa(String.fromCharCode(...Array.from({ length: octets }, () => random.below(256))));

/** A value of each type that may stand at any name. */
const values: Readonly<Record<string, (random: Seeded, target: () => string) => string>> = {
  A: (random) => `192.0.2.${random.below(256)}`,
  AAAA: (random) => `2001:db8::${random.below(65536).toString(16)}`,
  MX: (random, target) => `${random.below(100)} ${target()}`,
  TXT: (random) => `"text ${random.below(1000)}" "second; \\"quoted\\""`,
  SRV: (random, target) => `${random.below(10)} ${random.below(10)} ${random.below(65536)} ${target()}`,
  CAA: (random) => `0 issue "ca${random.below(9)}.example"`,
  PTR: (_random, target) => target(),
  SSHFP: (random) => `4 2 ${hex(random, 32)}`,
  TLSA: (random) => `3 1 1 ${hex(random, 32)}`,
  SVCB: (random, target) => `${1 + random.below(9)} ${target()} alpn="h2,h3" port=${1 + random.below(65535)}`,
  HTTPS: (random) => `1 . alpn="h2" ipv4hint=192.0.2.${random.below(256)}`,
  NAPTR: (random, target) => `${random.below(100)} 10 "s" "SIP+D2U" "" ${target()}`,
  LOC: (random) =>
    `${random.below(89)} 30 0.000 N ${random.below(179)} 15 30.000 E ${random.below(1000)}.00m 1m 10000m 10m`,
  URI: (random) => `10 1 "https://example.net/${random.below(100)}"`,
  HINFO: () => `"PC" "Linux"`,
  RP: (_random, target) => `${target()} ${target()}`,
  AFSDB: (_random, target) => `1 ${target()}`,
  TYPE65280: (random) => `\\# 4 ${hex(random, 4)}`,
  OPENPGPKEY: (random) => base64(random, 30),
};

/** @param size how many names get records, about */
export function generateZone(seed: number, origin: string, size: number): GeneratedZone {
  const random = new Seeded(seed);
  const lines: string[] = [
    `${origin}. 3600 IN SOA ns1.${origin}. hostmaster.${origin}. 2026010100 3600 600 604800 300`,
    `${origin}. 3600 IN NS ns1.${origin}.`,
    `${origin}. 3600 IN NS ns2.example.net.`,
    `ns1.${origin}. 3600 IN A 192.0.2.53`,
    // More than fits a datagram.
    ...Array.from({ length: 60 }, (_, i) => `big.${origin}. 300 IN AAAA 2001:db8::${(i + 1).toString(16)}`),
  ];
  const owners: string[] = [origin, `ns1.${origin}`, `big.${origin}`];
  const taken = new Set<string>(owners);
  const cuts: string[] = [];
  const target = (): string => {
    const kind = random.below(10);
    // Of a wildcard a name that it stands for: nothing may point to the wildcard itself.
    if (kind < 6) return `${random.pick(owners).replace(/^\*/, "any")}.`;
    if (kind < 8) return `${random.pick(words).toLowerCase()}.nowhere.${origin}.`;
    return `host${random.below(5)}.example.net.`;
  };
  const isBelowCut = (name: string) => cuts.some((cut) => name.endsWith(`.${cut}`));
  const ttl = () => 60 * (1 + random.below(60));
  for (let i = 0; i < size; i++) {
    const parent = random.chance(40) ? origin : random.pick(owners);
    const labels = random.chance(15)
      ? ["ent", random.pick(words) + random.below(9)]
      : [random.pick(words) + (random.chance(70) ? random.below(200) : "")];
    let name = [...labels.reverse(), parent].join(".").toLowerCase();
    const kind = random.below(100);
    if (kind >= 88 && kind < 94) name = `*.${parent}`;
    if (taken.has(name) || isBelowCut(name) || name.length > 200 || parent.startsWith("*.")) continue;
    taken.add(name);
    if (kind < 14) {
      lines.push(`${name}. ${ttl()} IN CNAME ${target()}`);
      owners.push(name);
    } else if (kind < 20 && !name.startsWith("*.")) {
      cuts.push(name);
      const cutTtl = ttl();
      lines.push(`${name}. ${cutTtl} IN NS ns.${name}.`, `ns.${name}. ${ttl()} IN A 192.0.2.${random.below(256)}`);
      if (random.chance(50)) lines.push(`${name}. ${cutTtl} IN NS ns2.example.net.`);
      if (random.chance(30)) lines.push(`ns.${name}. ${ttl()} IN AAAA 2001:db8::53`);
      if (random.chance(40)) lines.push(`${name}. ${ttl()} IN DS ${random.below(65536)} 13 2 ${hex(random, 32)}`);
    } else if (kind < 22) {
      // Names below a DNAME are not there (RFC 6672 §2.4): it stands alone in a branch of its own.
      const branch = `dname${i}.${origin}`;
      taken.add(branch);
      lines.push(`${branch}. ${ttl()} IN DNAME ${random.pick(owners).replace(/^\*/, "any")}.`);
      cuts.push(branch);
    } else {
      const types = new Set(Array.from({ length: 1 + random.below(3) }, () => random.pick(Object.keys(values))));
      for (const type of types) {
        const setTtl = ttl();
        const set = new Set(Array.from({ length: 1 + random.below(3) }, () => values[type]!(random, target)));
        for (const value of set) lines.push(`${name}. ${setTtl} IN ${type} ${value}`);
      }
      owners.push(name);
    }
  }
  return { origin, text: lines.join("\n") + "\n", names: [...taken], cuts };
}

/** Few, so that names meet: wildcards below wildcards, cuts below cuts, names that are there only for those below them. */
const nestedLabels = ["a", "b", "c", "d", "*"];

/**
 * A small zone of labels that come again and again: what stands beside, above and below a wildcard, a zone cut or a DNAME
 * is left to chance. `names` are all that its labels make, whether they are there or not.
 */
export function generateNestedZone(seed: number, origin: string): GeneratedZone {
  const random = new Seeded(seed);
  const name = () => Array.from({ length: random.below(4) }, () => random.pick(nestedLabels)).join(".");
  const absolute = (relative: string) => relative === "" ? `${origin}.` : `${relative}.${origin}.`;
  const types = new Map<string, string>();
  const lines: [owner: string, line: string][] = [];
  for (let i = 0; i < 40; i++) {
    const owner = name(), type = random.pick(["A", "A", "TXT", "MX", "CNAME", "DNAME", "NS"]);
    const before = types.get(owner);
    const isAlone = type === "CNAME" || type === "DNAME";
    if (before === "CNAME" || before === "DNAME" || (isAlone && (before !== undefined || owner === ""))) continue;
    if ((type === "NS" || type === "DNAME") && (owner === "" || owner.startsWith("*"))) continue;
    const target = absolute(name());
    // A CNAME to itself BIND answers with SERVFAIL; MCNS takes none.
    if (type === "CNAME" && target === absolute(owner)) continue;
    types.set(owner, type);
    const value = type === "A"
      ? `192.0.2.${random.below(256)}`
      : type === "TXT"
      ? `"${random.below(10)}"`
      : `${type === "MX" ? "10 " : ""}${target}`;
    lines.push([owner, `${absolute(owner)} 60 IN ${type} ${value}`]);
    if (type === "NS" && random.chance(40)) {
      lines.push([owner, `${absolute(owner)} 60 IN DS 1 13 2 ${hex(random, 32)}`]);
    }
  }
  // Names below a DNAME are not there (RFC 6672 §2.4).
  const turns = [...types].filter(([, type]) => type === "DNAME").map(([owner]) => owner);
  const kept = lines.filter(([owner]) => !turns.some((turn) => owner.endsWith(`.${turn}`)));
  const below = (names: readonly string[]) => names.flatMap((one) => nestedLabels.map((label) => `${label}.${one}`));
  const first = below([origin]), second = below(first);
  return {
    origin,
    text: [
      `${origin}. 3600 IN SOA ns1.${origin}. hostmaster.${origin}. 2026010100 3600 600 604800 300`,
      `${origin}. 3600 IN NS ns1.${origin}.`,
      `ns1.${origin}. 3600 IN A 192.0.2.53`,
      ...kept.map(([, line]) => line),
    ].join("\n") + "\n",
    names: [origin, ...first, ...second, ...below(second)],
    cuts: kept.filter(([owner]) => /^(NS|DNAME)$/.test(types.get(owner)!)).map(([owner]) => `${owner}.${origin}`),
  };
}

export interface Query {
  readonly name: string;
  readonly type: number;
  readonly dnssecOk: boolean;
  readonly recursionDesired: boolean;
}

const queryTypes = [
  1,
  28,
  5,
  2,
  6,
  12,
  15,
  16,
  33,
  35,
  39,
  43,
  44,
  46,
  47,
  48,
  50,
  51,
  52,
  64,
  65,
  257,
  29,
  256,
  65280,
  99,
  13,
  17,
];

/** Queries for names that are there, nearly there, below cuts and wildcards, and nowhere. */
export function generateQueries(seed: number, zone: GeneratedZone, count: number): Query[] {
  const random = new Seeded(seed);
  const name = (): string => {
    const one = random.chance(15) && zone.cuts.length > 0 ? random.pick(zone.cuts) : random.pick(zone.names);
    switch (random.below(10)) {
      case 0:
        return `${random.pick(words)}${random.below(200)}.${zone.origin}`;
      case 1:
      case 2:
        return `${random.pick(words)}.${one.replace(/^\*\./, "")}`;
      case 3:
        return `q.${random.pick(words)}.${one.replace(/^\*\./, "")}`;
      case 4:
        return one.includes(".") && one.length > zone.origin.length ? one.slice(one.indexOf(".") + 1) : one;
      default:
        return one;
    }
  };
  const mixed = (text: string) => [...text].map((one) => random.chance(20) ? one.toUpperCase() : one).join("");
  return Array.from({ length: count }, () => ({
    name: mixed(name()),
    type: random.chance(45) ? random.pick([1, 28]) : random.pick(queryTypes),
    dnssecOk: random.chance(50),
    recursionDesired: random.chance(30),
  }));
}
