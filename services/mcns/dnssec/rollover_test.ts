/**
 * Rollovers as caches see them. A validator may hold the DS, the DNSKEY set and any record each from another moment, as far
 * back as their TTLs reach; whichever it holds, a chain must lead from the DS to the record.
 */
import assert from "node:assert/strict";
import type { KeyRole } from "../domain/key_rollover.ts";
import { u16At } from "../domain/octets.ts";
import { types } from "../domain/rdata/record_type.ts";
import { setOf } from "../domain/zone.ts";
import { type DnssecUnderTest, dnssecUnderTest } from "../testing/temp_dnssec.ts";
import { by } from "../testing/temp_store.ts";
import { keyTag } from "./key_records.ts";

const minute = 60_000, hour = 60 * minute;

/** What servers gave out from one moment to the next; keys by their tags. */
interface Moment {
  readonly at: number;
  readonly ds: readonly number[];
  readonly dnskey: readonly number[];
  /** Who signed the DNSKEY set. */
  readonly keysBy: readonly number[];
  /** Who signed any record of the zone. */
  readonly recordsBy: ReadonlySet<number>;
}

const signers = (signatures: readonly string[]): number[] => signatures.map((data) => u16At(data, 16));

function momentOf({ stores, zone }: DnssecUnderTest, ds: readonly number[]): Moment {
  const published = stores.editor.zone(zone);
  const dnskey = setOf(published.setsAt(zone.key), types.DNSKEY)!;
  const recordsBy = new Set<number>();
  for (const key of published.names()) {
    for (const { type, signatures } of published.setsAt(key)) {
      if (type !== types.DNSKEY && type !== types.CDS && type !== types.CDNSKEY) {
        for (const tag of signers(signatures)) recordsBy.add(tag);
      }
    }
  }
  return {
    at: stores.clock.now(),
    ds,
    dnskey: dnskey.data.map(keyTag),
    keysBy: signers(dnskey.signatures),
    recordsBy,
  };
}

/** Every combination of what caches may hold at the last moment leads from a DS to a record. */
function assertValid(moments: readonly Moment[], ttl: { ds: number; key: number; records: number }): void {
  const now = moments.at(-1)!.at;
  const cached = (ttlMs: number) => moments.filter((_, i) => (moments[i + 1]?.at ?? Infinity) > now - ttlMs);
  const keySets = cached(ttl.key), records = new Set(cached(ttl.records).flatMap(({ recordsBy }) => [...recordsBy]));
  for (const { dnskey, keysBy } of keySets) {
    for (const { ds } of cached(ttl.ds)) {
      if (ds.some((tag) => dnskey.includes(tag) && keysBy.includes(tag))) continue;
      assert.fail(`DS ${ds} leads to none of DNSKEY ${dnskey} signed by ${keysBy}`);
    }
    for (const tag of records) if (!dnskey.includes(tag)) assert.fail(`a record is by ${tag}, DNSKEY has ${dnskey}`);
  }
}

/** TTLs: records 2 h at most, DNSKEY 1 h (as the SOA), DS 6 h; every server has a change after 30 minutes. */
const policy = { propagationSeconds: 1800, dsTtlSeconds: 6 * 3600 };
const ttl = { ds: 6.5 * hour, key: 1.5 * hour, records: 2.5 * hour };
const lines = ["ns1 A 192.0.2.53", "www 7200 A 192.0.2.1", "*.wild TXT x", "sub NS ns.elsewhere.net."];

const rows: [what: string, roles: KeyRole[], policy: Partial<typeof policy> & Record<string, unknown>][] = [
  ["the CSK", ["csk", "csk"], { denial: "nsec" }],
  ["KSK and ZSK at once", ["ksk", "zsk", "ksk"], { denial: "nsec3", splitKeys: true }],
  ["the ZSK by schedule", [], { denial: "nsec", splitKeys: true, zskLifetimeSeconds: 10 * 3600 }],
];

for (const [what, roles, more] of rows) {
  Deno.test(`a rollover of ${what} leaves no validator without a chain, whatever it has cached`, async () => {
    await using test = await dnssecUnderTest(lines);
    const { control } = test.dnssec;
    await test.sign({ ...policy, ...more });
    await test.wait(4 * hour);
    await control.confirmDs(test.zone, by);
    let ds = control.get(test.zone).keys.filter(({ role }) => role !== "zsk").map(({ tag }) => tag);
    // The operator pastes the DS some hours after it is shown, and says so a minute later.
    let pasteAt = Infinity;
    const moments = [momentOf(test, ds)];
    const seen = new Set<number>();
    for (let step = 0; step < 60 * 4; step++) {
      const state = control.get(test.zone);
      for (const { tag } of state.keys) seen.add(tag);
      const idle = state.keys.every(({ state }) => state === "active");
      if (idle && roles.length > 0) await control.roll(test.zone, roles.shift()!, by);
      // A second one begins while the first runs.
      if (roles[0] === "zsk") await control.roll(test.zone, roles.shift()!, by);
      moments.push(momentOf(test, ds));
      if (state.waitsForDs && pasteAt === Infinity) pasteAt = test.stores.clock.now() + 5 * hour;
      if (test.stores.clock.now() >= pasteAt) {
        ds = state.keys.filter(({ state }) => state === "ready").map(({ tag }) => tag);
        moments.push(momentOf(test, ds));
        await test.wait(minute);
        await control.confirmDs(test.zone, by);
        moments.push(momentOf(test, ds));
        pasteAt = Infinity;
      }
      await test.wait(15 * minute);
      moments.push(momentOf(test, ds));
      assertValid(moments, ttl);
    }
    assert.equal(roles.length, 0, "all rollovers were begun");
    assert.ok(seen.size >= 3, `${seen.size} keys were seen`);
    const left = control.get(test.zone).keys.map(({ state }) => state);
    assert.ok(left.every((state) => state === "active") || what.includes("schedule"), `${left}`);
    assert.deepEqual(test.dnssec.maintenance.problems(), []);
  });
}

Deno.test("a rollover goes on in another process where the first one left it", async () => {
  await using test = await dnssecUnderTest(lines);
  await test.sign({ ...policy, denial: "nsec" });
  await test.wait(4 * hour);
  await test.dnssec.control.confirmDs(test.zone, by);
  await test.dnssec.control.roll(test.zone, "csk", by);
  await test.dnssec[Symbol.asyncDispose]();

  using opened = test.stores.open();
  await using again = test.reopen(opened);
  const states = () => again.control.get(test.zone).keys.map(({ state }) => state);
  assert.deepEqual(states(), ["active", "published"]);
  test.stores.clock.advance(2 * hour);
  await again.maintenance.tick();
  assert.deepEqual(states(), ["active", "ready"]);
  await again.control.confirmDs(test.zone, by);
  assert.deepEqual(states(), ["retired", "active"]);
  test.stores.clock.advance(7 * hour);
  await again.maintenance.tick();
  assert.deepEqual(states(), ["active"]);
});

Deno.test("an emergency rollover waits for no cache", async () => {
  await using test = await dnssecUnderTest(lines);
  const { control } = test.dnssec;
  await test.sign({ ...policy, splitKeys: true });
  await test.wait(4 * hour);
  await control.confirmDs(test.zone, by);
  const before = control.get(test.zone).keys.map(({ tag }) => tag);

  await control.roll(test.zone, "zsk", by, true);
  await test.wait(0);
  const zsks = control.get(test.zone).keys.filter(({ role }) => role === "zsk");
  assert.deepEqual(zsks.map(({ state }) => state), ["active"], "the old one is gone with its last signature");
  assert.ok(!before.includes(zsks[0]!.tag));
  const ds = control.get(test.zone).keys.filter(({ role }) => role === "ksk").map(({ tag }) => tag);
  assertValid([momentOf(test, ds)], ttl);

  await control.roll(test.zone, "ksk", by, true);
  assert.equal(control.get(test.zone).waitsForDs, true, "the new DS is shown at once");
  await control.confirmDs(test.zone, by);
  await test.wait(0);
  assert.equal(control.get(test.zone).keys.filter(({ role }) => role === "ksk").length, 1);
});
