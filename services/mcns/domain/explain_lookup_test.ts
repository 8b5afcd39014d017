import assert from "node:assert/strict";
import { directoryOf, zoneOf } from "../testing/zone_text.ts";
import { explainLookup } from "./explain_lookup.ts";
import { DomainName } from "./name.ts";
import { typeCode, types } from "./rdata/record_type.ts";
import { Zone } from "./zone.ts";

const zones = directoryOf(
  zoneOf("example.org", [
    "www A 192.0.2.1",
    "www A 192.0.2.2",
    "a CNAME b",
    "b CNAME www",
    "out CNAME www.example.com.",
    "loop CNAME loop2",
    "loop2 CNAME loop",
    "*.wild TXT hello",
    "old DNAME new",
    "x.new A 192.0.2.3",
    "sub NS ns1.sub",
    "ns1.sub A 192.0.2.4",
    "deep.er A 192.0.2.5",
    "flat ALIAS www",
  ]),
  zoneOf("lan.example.org", ["nas A 192.168.1.5"]),
);

/** Each question with its steps, without the one that names the zone, and where our zones end. */
const questions: [question: string, steps: string[], leftAt?: string][] = [
  ["www.example.org A", ["www.example.org has 2 A records with a TTL of 300 s"]],
  [
    "a.example.org A",
    [
      "a.example.org is a CNAME: go on at b.example.org",
      "b.example.org is a CNAME: go on at www.example.org",
      "www.example.org has 2 A records with a TTL of 300 s",
    ],
  ],
  ["a.example.org CNAME", ["a.example.org has 1 CNAME record with a TTL of 300 s"]],
  [
    "out.example.org A",
    [
      "out.example.org is a CNAME: go on at www.example.com",
      "no zone here has www.example.com: others are asked for it",
    ],
    "www.example.com",
  ],
  [
    "x.wild.example.org TXT",
    ["no record has that name, and wildcard *.wild.example.org stands for it: it has 1 TXT record with a TTL of 300 s"],
  ],
  [
    "x.wild.example.org A",
    [
      "no record has that name, and wildcard *.wild.example.org stands for it: it has no A (it has TXT): NODATA, which may be kept for 300 s",
    ],
  ],
  [
    "x.old.example.org A",
    [
      "old.example.org has a DNAME, which turns x.old.example.org into x.new.example.org",
      "x.new.example.org has 1 A record with a TTL of 300 s",
    ],
  ],
  ["www.sub.example.org A", ["sub.example.org is delegated: the answer refers to ns1.sub.example.org"]],
  [
    "www.example.org MX",
    ["www.example.org has no MX (it has A): NODATA, which may be kept for 300 s"],
  ],
  [
    "er.example.org A",
    ["er.example.org has no A (it has only names below it): NODATA, which may be kept for 300 s"],
  ],
  [
    "nothing.example.org A",
    ["nothing.example.org doesn't exist (nearest is example.org): NXDOMAIN, which may be kept for 300 s"],
  ],
  [
    "flat.example.org A",
    [
      "flat.example.org has an ALIAS: the addresses of www.example.org are answered as its own",
      "www.example.org has 2 A records with a TTL of 300 s",
    ],
  ],
];
for (const [question, steps, leftAt] of questions) {
  Deno.test(`explainLookup of ${question}`, () => {
    const [name = "", type = ""] = question.split(" ");
    const found = explainLookup(zones, DomainName.parse(name, "name").key, typeCode(type));
    const zone = `zone example.org (serial 2026010100) is the deepest one here with ${name}`;
    assert.deepEqual(found.steps, [zone, ...steps]);
    assert.equal(found.leftAt, leftAt === undefined ? null : DomainName.parse(leftAt, "name").key);
  });
}

Deno.test("explainLookup says which zone is meant, and ends in a loop of aliases", () => {
  const ask = (name: string, type = "A") => explainLookup(zones, DomainName.parse(name, "name").key, typeCode(type));
  assert.equal(ask("nas.lan.example.org").zone!.name.text, "lan.example.org");
  // A zone's DS is in the zone above (RFC 4035 §3.1.4.1).
  assert.equal(ask("lan.example.org", "DS").zone!.name.text, "lan.example.org", "the zone above has no such cut");
  assert.deepEqual(ask("example.com"), {
    zone: null,
    steps: ["no zone here has example.com"],
    leftAt: DomainName.parse("example.com", "name").key,
  });
  assert.equal(ask("loop.example.org").leftAt, null);
});

Deno.test("explainLookup explains what other servers' zones may hold, and one that has nothing yet", () => {
  const key = (name: string) => DomainName.parse(name, "name").key;
  const label = "a".repeat(60);
  const zone = zoneOf("example.org", [`d DNAME ${label}.${label}.example.net.`]);
  // No caller here can write it, but a transfer can bring it.
  zone.replaceSets(key("none.example.org"), [{ type: types.CNAME, ttlSeconds: 60, data: ["\0"], signatures: [] }]);
  const zones = directoryOf(zone, new Zone(DomainName.parse("example.com", "zone")));
  const last = (name: string) => explainLookup(zones, key(name), types.A).steps.at(-1)!;
  assert.equal(last("none.example.org"), "no zone here has .: others are asked for it");
  assert.match(
    last(`${label}.${label}.${label}.d.example.org`),
    /^d\.example\.org has a DNAME, .* too long .*YXDOMAIN$/,
  );
  assert.equal(
    last("www.example.com"),
    "zone example.com is not loaded yet, or has expired: SERVFAIL until a primary has sent it",
  );
});
