import assert from "node:assert/strict";
import { textOfKey } from "../domain/name.ts";
import { formatData } from "../domain/rdata/record_data.ts";
import { types, typeText } from "../domain/rdata/record_type.ts";
import { setOf } from "../domain/zone.ts";
import { randomChange, randomFrom } from "../testing/random_zone.ts";
import { MemorySignedZone, structureOf, zoneKeys } from "../testing/memory_signed_zone.ts";

const day = 86_400_000;
const noon = Date.UTC(2026, 10, 21, 12);

const lines = [
  "ns1 A 192.0.2.53",
  "www A 192.0.2.1",
  "*.wild TXT hi",
  "x.y.ent A 192.0.2.7",
  "sub NS ns.sub",
  "ns.sub A 192.0.2.9",
];

function signedZone(policy: ConstructorParameters<typeof MemorySignedZone>[2], at = { now: noon }) {
  return new MemorySignedZone("example.org", lines, { algorithm: "ed25519", ...policy }, () => at.now);
}

/** "www A": what the last publication signed, in no order. */
function signedBy(zone: MemorySignedZone): string[] {
  return zone.signed.map(({ owner, set }) =>
    `${set.type === types.NSEC3 ? "*" : textOfKey(owner).replace(/\.?example\.org$/, "") || "@"} ${typeText(set.type)}`
  ).sort();
}

/** "@ → ns1 NS SOA …" of each NSEC, in order. */
function nsecs(zone: MemorySignedZone): string[] {
  return zone.zone.canonicalNames().flatMap((key) => {
    const set = setOf(zone.zone.setsAt(key), types.NSEC);
    const data = set === undefined ? [] : [formatData(types.NSEC, set.data[0]!).replaceAll(".example.org", "")];
    return data.map((text) => `${textOfKey(key).replace(/\.?example\.org$/, "") || "@"} → ${text}`);
  });
}

Deno.test("publishZone makes an NSEC for every name of the zone and every cut, with their types", () => {
  assert.deepEqual(nsecs(signedZone({ denial: "nsec" })), [
    "@ → x.y.ent NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY",
    "x.y.ent → ns1 A RRSIG NSEC",
    "ns1 → sub A RRSIG NSEC",
    "sub → *.wild NS RRSIG NSEC",
    "*.wild → www TXT RRSIG NSEC",
    "www → example.org A RRSIG NSEC",
  ]);
});

Deno.test("publishZone signs what a change touches and no more", () => {
  const rows: [change: string[], nsec: string[], nsec3: string[]][] = [
    [["www A 192.0.2.2"], ["@ SOA", "www A"], ["@ SOA", "www A"]],
    [["www 60 A 192.0.2.2"], ["@ SOA", "www A"], ["@ SOA", "www A"]],
    [["www AAAA 2001:db8::1"], ["@ SOA", "www AAAA", "www NSEC"], ["* NSEC3", "@ SOA", "www AAAA"]],
    [["nx A 192.0.2.3"], ["@ SOA", "ns1 NSEC", "nx A", "nx NSEC"], ["* NSEC3", "* NSEC3", "@ SOA", "nx A"]],
    [["nx"], ["@ SOA", "ns1 NSEC"], ["* NSEC3", "@ SOA"]],
    // Glue isn't signed, nor does it change a proof.
    [["ns.sub A 192.0.2.10"], ["@ SOA"], ["@ SOA"]],
    // With NSEC3 the two empty names above go, too: their neighbours may be the same ones.
    [["x.y.ent"], ["@ NSEC", "@ SOA"], ["* NSEC3", "* NSEC3", "* NSEC3", "@ SOA"]],
    // What was below the cut is laid open.
    [["sub A 192.0.2.8"], ["@ SOA", "ns.sub A", "ns.sub NSEC", "sub A", "sub NSEC"], [
      "* NSEC3",
      "* NSEC3",
      "* NSEC3",
      "@ SOA",
      "ns.sub A",
      "sub A",
    ]],
  ];
  const nsec = signedZone({ denial: "nsec" }), nsec3 = signedZone({ denial: "nsec3" });
  for (const [change, wantNsec, wantNsec3] of rows) {
    nsec.put(...change);
    assert.deepEqual(signedBy(nsec), wantNsec, `NSEC: ${change}`);
    nsec3.put(...change);
    // How many neighbours hashing gives differs by at most one per name.
    const [got, want] = [new Set(signedBy(nsec3)), new Set(wantNsec3)];
    assert.deepEqual([...got].sort(), [...want].sort(), `NSEC3: ${change}`);
    assert.ok(nsec3.signed.length <= wantNsec3.length + 2, `NSEC3: ${change}: ${signedBy(nsec3)}`);
  }
});

for (const denial of ["nsec", "nsec3"] as const) {
  Deno.test(`publishZone ends up as signing from nothing does, after each of 400 random changes with ${denial}`, () => {
    const zone = signedZone({ denial });
    const random = randomFrom(7);
    for (let i = 0; i < 400; i++) {
      const change = randomChange(random);
      zone.put(...change);
      assert.deepEqual(structureOf(zone.zone), structureOf(zone.fromScratch()), `change ${i}: ${change}`);
    }
  });
}

Deno.test("publishZone makes the other chain name by name, keeps both up, and then shows it", () => {
  const zone = signedZone({ denial: "nsec" });
  for (const denial of ["nsec3", "nsec"] as const) {
    const before = zone.fromScratch();
    zone.sign({ policy: { denial } });
    const random = randomFrom(1);
    for (const key of zone.zone.canonicalNames().toReversed()) {
      zone.publish(new Map(), [key]);
      zone.put(...randomChange(random));
    }
    for (const key of zone.zone.canonicalNames()) zone.publish(new Map(), [key]);
    assert.equal(zone.zone.nsec3 === null, before.nsec3 === null, "the old one is shown until the new one is whole");
    zone.publish(new Map(), [], denial);
    zone.publish(new Map(), [...zone.zone.names()]);
    assert.deepEqual(structureOf(zone.zone), structureOf(zone.fromScratch()));
    assert.equal(zone.zone.nsec3 === null, denial === "nsec");
  }
});

Deno.test("publishZone takes all of it away while signing is being removed", () => {
  for (const denial of ["nsec", "nsec3"] as const) {
    const zone = signedZone({ denial });
    zone.sign({ phase: "removing" });
    zone.publish(new Map());
    assert.ok(!zone.zone.isSigned, "without DNSKEY from the first step on");
    zone.publish(new Map(), [...zone.zone.names()]);
    assert.deepEqual(structureOf(zone.zone).filter((line) => !line.endsWith(",0]")), []);
    assert.equal(structureOf(zone.zone).length, lines.length + 2, "the records, SOA and NS");
  }
});

Deno.test("publishZone leaves DNSKEY out while a zone is built up name by name", () => {
  for (const denial of ["nsec", "nsec3"] as const) {
    const zone = signedZone({ denial });
    zone.sign({ phase: "removing" });
    zone.publish(new Map(), [...zone.zone.names()]);
    zone.sign({ phase: "building" });
    for (const key of zone.zone.canonicalNames().toReversed()) {
      zone.publish(new Map(), [key]);
      assert.ok(!zone.zone.isSigned);
    }
    zone.sign({ phase: "signed" });
    zone.publish(new Map());
    assert.deepEqual(structureOf(zone.zone), structureOf(zone.fromScratch()));
  }
});

Deno.test("publishZone renews signatures with less than five of fourteen days left, or by another key, or none of the zone", () => {
  const at = { now: noon };
  const zone = signedZone({ denial: "nsec" }, at);
  const names = zone.zone.canonicalNames();
  const inPublication = (): number => {
    zone.publish(new Map(), names);
    return zone.signed.length;
  };
  assert.equal(inPublication(), 1, "the SOA alone");
  at.now += 6 * day;
  assert.equal(inPublication(), 1, "good for another week");
  at.now += 3 * day;
  const all = inPublication();
  assert.ok(all > 12, `all of them after nine days, got ${all}`);
  zone.sign({ keys: zoneKeys(zone.signing.policy) });
  assert.equal(inPublication(), all, "another key");
  at.now -= 300 * day;
  assert.equal(inPublication(), all, "begun in the future: the clock was wrong");
});

Deno.test("publishZone spreads the ends of signatures over two days", () => {
  const zone = signedZone({ denial: "nsec" });
  const days = zone.zone.canonicalNames().flatMap((key) =>
    zone.zone.setsAt(key).flatMap(({ signatures }) =>
      signatures.map((data) => {
        const end = Date.UTC(...timeOf(formatData(types.RRSIG, data).split(" ")[4]!));
        return (end - noon) / day;
      })
    )
  );
  assert.ok(Math.min(...days) >= 12 && Math.max(...days) <= 14, `${days}`);
  assert.ok(Math.max(...days) - Math.min(...days) > 1, `${days}`);
});

Deno.test("publishZone refuses an ALIAS in a signed zone", () => {
  assert.throws(() => signedZone({}).put("www ALIAS host.elsewhere.net."), {
    code: "conflict",
    message: /^Cannot sign "www\.example\.org": it has an ALIAS/,
  });
});

function timeOf(text: string): [number, number, number, number, number, number] {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text)!.slice(1).map(Number);
  return [parts[0]!, parts[1]! - 1, parts[2]!, parts[3]!, parts[4]!, parts[5]!];
}
