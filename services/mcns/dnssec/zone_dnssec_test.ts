import assert from "node:assert/strict";
import { formatData } from "../domain/rdata/record_data.ts";
import { types } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import { type RecordSet, setOf } from "../domain/zone.ts";
import { type DnssecUnderTest, dnssecUnderTest, policyOf } from "../testing/temp_dnssec.ts";
import { by, settings, zoneName } from "../testing/temp_store.ts";
import { jobsOf } from "./bulk_signer.ts";
import { DnssecPublisher } from "./publisher.ts";

const hour = 3_600_000, day = 24 * hour;
const lines = [
  "ns1 A 192.0.2.53",
  "www A 192.0.2.1",
  "*.wild TXT x",
  "a.b.ent A 192.0.2.2",
  "sub NS ns.elsewhere.net.",
];

/** Data of the set at the apex, in presentation form. */
function apex({ stores, zone }: DnssecUnderTest, type: number): string[] {
  return setOf(stores.editor.zone(zone).setsAt(zone.key), type)?.data.map((data) => formatData(type, data)) ?? [];
}

/** How many sets of the published zone are not signed as they should be. */
function unsettled({ stores, zone, keys }: DnssecUnderTest): number {
  const before = stores.editor.zone(zone);
  const signing = new DnssecPublisher(keys).signingOf(zone)!;
  return jobsOf({ before, plain: new Map(), again: before.names(), signing, at: stores.clock.now() }).length;
}

async function delegated(test: DnssecUnderTest): Promise<void> {
  await test.wait(3 * hour);
  await test.dnssec.control.confirmDs(test.zone, by);
}

Deno.test("ZoneDnssec.get of an unsigned zone has no keys, and NotFound for no zone", async () => {
  await using test = await dnssecUnderTest(lines);
  const { signed, keys, ds, serial, nextEvent } = test.dnssec.control.get(test.zone);
  assert.deepEqual({ signed, keys, ds, nextEvent }, { signed: false, keys: [], ds: [], nextEvent: "" });
  assert.equal(serial, test.stores.zones.get(test.zone).serial);
  assert.throws(() => test.dnssec.control.get(zoneName("example.net")), { code: "not_found" });
});

Deno.test("ZoneDnssec.sign signs every name, and shows the DS when caches have dropped what was unsigned", async () => {
  for (const denial of ["nsec", "nsec3"] as const) {
    await using test = await dnssecUnderTest(lines);
    const state = await test.sign({ denial, algorithm: "ecdsap256sha256" });
    assert.equal(state.signed, true);
    assert.equal(unsettled(test), 0);
    assert.deepEqual(state.ds, []);
    // The SOA's TTL and an hour for every server to have it.
    assert.deepEqual([state.nextEvent.replace(/\d+/, "#"), state.nextEventAt], [
      "give out the DS of CSK #",
      test.stores.clock.now() + 2 * hour,
    ]);
    assert.deepEqual([apex(test, types.CDS), apex(test, types.CDNSKEY)], [[], []]);
    await assert.rejects(test.dnssec.control.confirmDs(test.zone, by), {
      code: "conflict",
      hint: /^Key \d+ is ready for it at 2026-11-21T14:00:00.000Z/,
    });
    await test.wait(2 * hour);
    const ready = test.dnssec.control.get(test.zone);
    assert.equal(ready.waitsForDs, true);
    assert.equal(ready.ds.length, 2);
    const { tag } = ready.keys[0]!;
    assert.match(ready.ds[0]!, new RegExp(`^example\\.org\\. 86400 IN DS ${tag} 13 2 [0-9A-F]{64}$`));
    assert.match(ready.ds[1]!, new RegExp(`^example\\.org\\. 86400 IN DS ${tag} 13 4 [0-9A-F]{96}$`));
    assert.deepEqual(apex(test, types.CDS).map((cds) => `example.org. 86400 IN DS ${cds}`), [ready.ds[0]]);
    assert.deepEqual(apex(test, types.CDNSKEY), apex(test, types.DNSKEY));
    assert.deepEqual(ready.trustAnchors, [`example.org. 3600 IN DNSKEY ${apex(test, types.DNSKEY)[0]}`]);
  }
});

Deno.test("ZoneDnssec.sign finishes while others change the zone, and what they change is signed", async () => {
  await using test = await dnssecUnderTest(Array.from({ length: 600 }, (_, i) => `n${i}.g${i % 7} A 192.0.2.1`));
  const signing = test.sign({ denial: "nsec3" });
  for (let i = 0; i < 40; i++) {
    test.stores.add(test.zone, `new${i}.g${i % 3} A 192.0.2.2`);
    test.stores.records.remove(test.zone, { name: RecordName.parse(`n${i * 7}.g0`, test.zone) }, by);
    await new Promise((resume) => setTimeout(resume, 1));
  }
  assert.equal((await signing).signed, true);
  assert.equal(unsettled(test), 0);
});

Deno.test("ZoneDnssec.sign goes from NSEC to NSEC3 and back name by name", async () => {
  await using test = await dnssecUnderTest(lines);
  await test.sign({ denial: "nsec" });
  await delegated(test);
  for (const denial of ["nsec3", "nsec"] as const) {
    const changing = test.sign({ denial });
    await assert.rejects(test.sign({ denial: denial === "nsec" ? "nsec3" : "nsec" }), {
      code: "conflict",
      message: /its proofs are just being made$/,
    });
    const state = await changing;
    assert.equal(state.signed, true);
    assert.equal(state.denial, denial);
    assert.equal(apex(test, types.NSEC3PARAM).length, denial === "nsec3" ? 1 : 0);
    assert.equal(unsettled(test), 0);
    assert.equal(state.keys[0]!.state, "active");
  }
});

Deno.test("ZoneDnssec.sign refuses what can't be signed, and other keys for a signed zone", async () => {
  await using test = await dnssecUnderTest([...lines, "alias ALIAS host.elsewhere.net."]);
  await assert.rejects(test.sign(), { code: "conflict", message: /its ALIAS "alias" is looked up elsewhere$/ });
  assert.equal(test.keys.find(test.zone), undefined, "nothing has happened");
  await assert.rejects(test.sign({ signatureSeconds: 1 }), { code: "invalid" });
  const secondary = zoneName("example.net");
  test.stores.editor.create(secondary, { settings, kind: "secondary" }, by);
  await assert.rejects(test.dnssec.control.sign(secondary, policyOf(), by), { code: "conflict", message: /secondary/ });

  await using other = await dnssecUnderTest(lines);
  await other.sign();
  await assert.rejects(other.sign({ algorithm: "ecdsap256sha256" }), {
    code: "conflict",
    message: 'Cannot change algorithm of zone "example.org": it is signed with ed25519',
    hint: /^Unsign the zone/,
  });
  await assert.rejects(other.sign({ splitKeys: true }), { code: "conflict", message: /signed with one CSK$/ });
  assert.throws(() => other.stores.add(other.zone, "alias ALIAS host.elsewhere.net."), { code: "conflict" });
});

Deno.test("ZoneDnssec.roll refuses keys that the zone doesn't have, and a second rollover", async () => {
  await using test = await dnssecUnderTest(lines);
  const roll = (role: "csk" | "zsk") => test.dnssec.control.roll(test.zone, role, by);
  await assert.rejects(roll("csk"), { code: "not_found", hint: /Sign it first/ });
  await test.sign();
  await assert.rejects(roll("zsk"), { code: "conflict", message: /the zone has one CSK for everything$/ });
  await assert.rejects(roll("csk"), { code: "conflict", hint: /is its first: give its DS to the parent/ });
  await delegated(test);
  await roll("csk");
  await assert.rejects(roll("csk"), {
    code: "conflict",
    message: /a rollover is running, with CSK \d+, published since/,
  });
});

Deno.test("ZoneDnssec.unsign takes an undelegated zone's signatures away at once, and any zone's with force", async () => {
  for (const force of [false, true]) {
    for (const denial of ["nsec", "nsec3"] as const) {
      await using test = await dnssecUnderTest(lines);
      await test.sign({ denial });
      if (force) await delegated(test);
      const before = test.stores.zones.get(test.zone).serial;
      const { serial } = await test.dnssec.control.unsign(test.zone, force, by);
      assert.ok(serial > before);
      const zone = test.stores.editor.zone(test.zone);
      assert.equal([...zone.names()].length, lines.length + 1);
      for (const key of zone.names()) assert.ok(zone.setsAt(key).every(({ signatures }) => signatures.length === 0));
      assert.equal(test.keys.find(test.zone), undefined);
      // It can be signed again.
      assert.equal((await test.sign({ algorithm: "ecdsap256sha256" })).signed, true);
    }
  }
});

Deno.test("ZoneDnssec.unsign of a delegated zone asks the parent by CDS first and waits for caches", async () => {
  await using test = await dnssecUnderTest(lines);
  const { control } = test.dnssec;
  await test.sign();
  await delegated(test);
  await control.unsign(test.zone, false, by);
  assert.deepEqual([apex(test, types.CDS), apex(test, types.CDNSKEY)], [["0 0 0 00"], ["0 3 0 AA=="]]);
  const leaving = control.get(test.zone);
  assert.deepEqual([leaving.signed, leaving.waitsForDs, leaving.ds], [true, true, []]);
  await assert.rejects(control.unsign(test.zone, false, by), { code: "conflict", hint: /With force/ });
  // One who changes their mind signs again: the DS is still there.
  await test.sign();
  assert.deepEqual([control.get(test.zone).waitsForDs, control.get(test.zone).ds.length], [false, 2]);

  await control.unsign(test.zone, false, by);
  await control.confirmDs(test.zone, by);
  assert.match(control.get(test.zone).nextEvent, /remove the signatures/);
  await test.wait(24 * hour);
  assert.equal(control.get(test.zone).signed, true, "caches may have the DS for another hour");
  await test.wait(hour);
  assert.equal(control.get(test.zone).signed, false);
});

Deno.test("ZoneDnssec goes on by itself when the parent is served here and has the DS", async () => {
  await using test = await dnssecUnderTest(lines);
  const parent = zoneName("org");
  test.stores.editor.create(parent, { settings: { ...settings, primaryNs: "ns1.example.org" } }, by);
  test.stores.add(parent, "example NS ns1.example.org.");
  await test.sign();
  await test.wait(3 * hour);
  const { control } = test.dnssec;
  assert.equal(control.get(test.zone).waitsForDs, true);
  const [ds] = control.get(test.zone).ds;
  test.stores.add(parent, ds!.replace(/^example\.org\. \d+ IN/, "example"));
  await test.wait(1000);
  assert.equal(control.get(test.zone).waitsForDs, false);
  assert.equal(control.get(test.zone).keys[0]!.state, "active");
});

Deno.test("DnssecMaintenance renews signatures before they end, and complains when it couldn't", async () => {
  await using test = await dnssecUnderTest(lines);
  const { control, maintenance } = test.dnssec;
  const first = (await test.sign()).signaturesExpireAt!;
  assert.ok(first > test.stores.clock.now() + 12 * day);
  for (let i = 0; i < 30; i++) {
    await test.wait(day);
    assert.ok(control.get(test.zone).signaturesExpireAt! > test.stores.clock.now() + 5 * day - hour, `day ${i}`);
    assert.deepEqual(maintenance.problems(), []);
  }
  assert.equal(unsettled(test), 0);
  const end = control.get(test.zone).signaturesExpireAt!;
  test.stores.clock.set(end - 2 * day);
  assert.deepEqual(maintenance.problems(), [
    `signatures of zone example.org end at ${new Date(end).toISOString()}, not renewed`,
  ]);
  test.stores.clock.set(end);
  assert.match(maintenance.problems()[0]!, / ended at /);
  await test.wait(0);
  assert.deepEqual(maintenance.problems(), []);
});

Deno.test("a lost key file refuses changes and shows up as a problem, while the zone is answered on", async () => {
  await using test = await dnssecUnderTest(lines);
  await test.sign();
  using opened = test.stores.open();
  await using again = test.reopen(opened, "another.key");
  const lost = /^Cannot open the secret of "dnssec ed25519 .*" with the key in ".*another\.key"$/;
  assert.throws(() => opened.add(test.zone, "new A 192.0.2.1"), { code: "unavailable", message: lost });
  assert.equal(again.control.get(test.zone).signed, true);
  test.stores.clock.advance(10 * day);
  await again.maintenance.tick();
  const [problem] = again.maintenance.problems();
  assert.match(problem!, /^zone example\.org can't be kept signed: Cannot open the secret of/);
});

Deno.test("DnssecMaintenance follows a change of the SOA's minimum with the TTL of all proofs", async () => {
  await using test = await dnssecUnderTest(lines);
  await test.sign();
  test.stores.editor.updateSettings(test.zone, () => ({ ...settings, minimum: 60 }), by);
  await test.dnssec.maintenance.visit(test.zone);
  const zone = test.stores.editor.zone(test.zone);
  const ttls = zone.canonicalNames().flatMap((key) => setOf(zone.setsAt(key), types.NSEC)?.ttlSeconds ?? []);
  assert.deepEqual([...new Set(ttls)], [60]);
});

Deno.test("the journal has what signing changes, so that IXFR carries it", async () => {
  await using test = await dnssecUnderTest(lines);
  await test.sign();
  const { serial } = test.dnssec.control.get(test.zone);
  test.stores.add(test.zone, "mail A 192.0.2.9");
  const deltas = test.stores.editor.journal(test.zone, serial)!;
  assert.equal(deltas.length, 1);
  const kinds = (records: readonly { type: number }[]) => records.map(({ type }) => type).sort((a, b) => a - b);
  const { A, SOA, RRSIG, NSEC } = types;
  assert.deepEqual(kinds(deltas[0]!.removed), [SOA, RRSIG, RRSIG, NSEC]);
  assert.deepEqual(kinds(deltas[0]!.added), [A, SOA, RRSIG, RRSIG, RRSIG, RRSIG, NSEC, NSEC]);
});

Deno.test("what is read back after a restart is what was published", async () => {
  for (const denial of ["nsec", "nsec3"] as const) {
    await using test = await dnssecUnderTest(lines);
    await test.sign({ denial });
    test.stores.add(test.zone, "mail A 192.0.2.9");
    using opened = test.stores.open();
    const now = test.stores.editor.zone(test.zone), read = opened.editor.zone(test.zone);
    assert.deepEqual([...read.names()].sort(), [...now.names()].sort());
    const sorted = (sets: readonly RecordSet[]) => sets.toSorted((a, b) => a.type - b.type);
    for (const key of now.names()) assert.deepEqual(sorted(read.setsAt(key)), sorted(now.setsAt(key)));
  }
});

Deno.test("private keys lie sealed in the database and appear in no state", async () => {
  await using test = await dnssecUnderTest(lines);
  const state = await test.sign();
  const [key] = test.keys.find(test.zone)!.keys;
  const secret = test.keys.privateKey(key!);
  // The last 32 octets of an Ed25519 PKCS #8 are the seed.
  const seed = new TextDecoder("latin1").decode(secret.subarray(-32));
  test.stores.db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
  const file = new TextDecoder("latin1").decode(Deno.readFileSync(test.stores.path));
  assert.ok(file.includes("example.org") && !file.includes(seed));
  assert.ok(!JSON.stringify(state).includes(secret.subarray(-32).toBase64().slice(0, 20)));
});
