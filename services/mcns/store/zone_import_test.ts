import assert from "node:assert/strict";
import type { Zone } from "../domain/zone.ts";
import { structureOf } from "../testing/memory_signed_zone.ts";
import { dnssecUnderTest } from "../testing/temp_dnssec.ts";
import { by, lookUp, settings, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import { Slices } from "./slices.ts";

const zone = zoneName("example.org");

/** So many that they are written aside. */
const many = 3000;

const fileOf = (net: number, count = many) =>
  "$TTL 300\n@ SOA ns1 admin 1 3600 600 604800 300\n@ NS ns1.example.net.\n" +
  Array.from({ length: count }, (_, i) => `h${i} A 10.${net}.${i >> 8}.${i & 255}\n`).join("");

const import_ = { dryRun: false, create: false };

/** Calls `look` in each turn in which others have one, until the promise is settled; how many there were. */
async function eachTurn(until: Promise<unknown>, look: (turn: number) => void): Promise<number> {
  let isOver = false, turns = 0;
  until.then(() => isOver = true, () => isOver = true);
  for (; !isOver; await new Promise((resolve) => setTimeout(resolve, 0))) look(turns++);
  await until;
  return turns;
}

Deno.test("ZoneFiles.import shows the old zone to all that ask meanwhile, then all of the new one at once", async () => {
  await using test = await storeUnderTest();
  const other = zoneName("other.org");
  test.editor.create(other, { settings }, by);
  test.editor.create(zone, { settings }, by);
  await test.files.import(zone, fileOf(1), import_, by);
  const seen = new Set<string>();
  const turns = await eachTurn(test.files.import(zone, fileOf(2), import_, by), (turn) => {
    const ends = ["h0", `h${many - 1}`].map((name) => lookUp(test.directory, `${name}.example.org A`).slice(0, 8));
    const { serial } = test.zones.get(zone);
    seen.add(
      [...ends, lookUp(test.directory, "example.org SOA"), serial, test.zones.countRecords(test.zones.get(zone))]
        .join(),
    );
    // Other zones are changed as ever, and nobody sees what is written aside.
    if (turn % 10 === 0) test.add(other, `t${turn} A 192.0.2.1`);
    assert.deepEqual(test.zones.all().map(({ name }) => name), ["example.org", "other.org"]);
    const counted = test.zones.all().reduce((sum, row) => sum + test.zones.countRecords(row), 0);
    assert.deepEqual({ ...test.zones.totals() }, { zones: 2, records: counted });
  });
  const line = (net: number, serial: number) => `300 10.${net},300 10.${net},serial ${serial},${serial},${many + 1}`;
  // The new one while what was is taken away, when that takes a turn.
  assert.equal([...seen][0], line(1, 2026112101));
  assert.deepEqual([...seen].slice(1).filter((other) => other !== line(2, 2026112102)), []);
  assert.equal(lookUp(test.directory, "h7.example.org A"), "300 10.2.0.7");
  assert.equal(test.zones.get(zone).serial, 2026112102);
  // As one piece it was one turn; how many slices it is, depends on the machine.
  assert.ok(turns > 5, `others had ${turns} turns`);
  using second = test.open();
  assert.deepEqual(second.files.export(zone, true), test.files.export(zone, true));
  assert.equal(second.zones.countRecords(second.zones.get(zone)), many + 1);
  assert.equal(test.db.prepare<{ n: number }>("SELECT count(*) AS n FROM zones").get()!.n, 2, "what was is gone");
});

Deno.test("ZoneFiles.import makes a large zone, and one that breaks a rule not at all", async () => {
  await using test = await storeUnderTest();
  const create = { dryRun: false, create: true };
  for (
    const [text, message] of [["h9 CNAME h8\n", /"h9"/], [
      "d DNAME x.net.\nbelow.d A 192.0.2.1\n",
      /redirects/,
    ]] as const
  ) {
    await assert.rejects(test.files.import(zone, fileOf(1) + text, create, by), message);
  }
  assert.equal(lookUp(test.directory, "h0.example.org"), "no zone");
  assert.equal(test.zones.find(zone), undefined);
  assert.equal((await test.files.import(zone, fileOf(1), { dryRun: true, create: true }, by)).added.length, many + 1);
  assert.equal(test.zones.find(zone), undefined);
  const { serial, added } = await test.files.import(zone, fileOf(1), create, by);
  assert.deepEqual([serial, added.length], [2026112100, many + 1]);
  assert.equal(lookUp(test.directory, "h2999.example.org"), "300 10.1.11.183");
  const [change] = test.changes.list(zone, null, { limit: 9, before: null });
  assert.deepEqual([change!.action, change!.added.length], ["zone.create", many + 1]);
  assert.equal(test.db.prepare<{ n: number }>("SELECT count(*) AS n FROM zones").get()!.n, 1);
});

Deno.test("ZoneFiles.import begins anew when the zone is changed meanwhile, and gives up when it always is", async () => {
  await using test = await storeUnderTest({ views: [{ name: "lan", has: () => false }] });
  test.editor.create(zone, { settings }, by);
  const importing = test.files.import(zone, fileOf(1), import_, by);
  await eachTurn(importing, (turn) => {
    if (turn === 3) {
      test.add(zone, "new A 192.0.2.1");
      test.add(zone, "h1 A 192.0.2.1", { view: "lan" });
    }
  });
  assert.equal(lookUp(test.directory, "new.example.org"), "no_name", "the file doesn't have it");
  assert.equal(lookUp(test.views.directoryOf("lan")!, "h1.example.org"), "300 192.0.2.1", "records of views stay");
  assert.equal(lookUp(test.views.directoryOf("lan")!, "h2.example.org"), "300 10.1.0.2");
  assert.equal(test.zones.get(zone).serial, 2026112103);

  const hopeless = test.files.import(zone, fileOf(2), import_, by);
  await assert.rejects(eachTurn(hopeless, (turn) => void test.add(zone, `t${turn} A 192.0.2.1`)), {
    code: "conflict",
    message: /changed each time/,
  });
  assert.equal(lookUp(test.directory, "h0.example.org"), "300 10.1.0.0");
  assert.equal(test.db.prepare<{ n: number }>("SELECT count(*) AS n FROM zones").get()!.n, 1, "nothing is left");
});

Deno.test("StagedZones takes away what a program left that ended while it imported", async () => {
  await using test = await storeUnderTest();
  const id = test.staged.begin();
  let left = 1200;
  await test.staged.write(id, new Slices(), (at) => {
    test.rows.put(id, {
      ...{
        name: `h${left}`,
        type: "A",
        value: "192.0.2.1",
        ttl: 300,
        view: "",
        expires_at: at,
        service: "s",
        lease: "",
      },
      ...{ created_at: at, updated_at: at },
    });
    return --left > 0;
  });
  assert.deepEqual([test.rows.nextExpiry(), test.rows.expiredZones(Infinity), test.rows.owned("s", "")], [
    null,
    [],
    [],
  ]);
  const count = () => test.db.prepare<{ n: number }>("SELECT count(*) AS n FROM records").get()!.n;
  test.staged.sweepLeft();
  assert.equal(count(), 1200, "somebody may still be writing");
  test.clock.advance(61_000);
  for (const want of [700, 200, 0]) {
    test.staged.sweepLeft();
    assert.equal(count(), want);
  }
  await assert.rejects(test.staged.write(id, new Slices(), () => false), { code: "unavailable" });
  const live = test.editor.create(zone, { settings }, by);
  test.add(zone, "www A 192.0.2.1");
  await test.staged.sweep(live.id, new Slices());
  assert.equal(test.zones.countRecords(live), 1, "a zone's own records stay");
});

for (const denial of ["nsec", "nsec3"] as const) {
  Deno.test(`ZoneFiles.import signs a large zone aside, with ${denial.toUpperCase()}, as many changes would`, async () => {
    const count = 700;
    const lines = fileOf(2, count).split("\n").slice(3, -1).map((line) => line.replace(" A ", " 300 A "));
    await using small = await dnssecUnderTest([
      "www A 192.0.2.1",
      "h3 A 192.0.2.1",
      "sub NS ns.sub",
      "ns.sub A 192.0.2.2",
    ]);
    await small.sign({ denial });
    const text = fileOf(2, count) + "sub NS ns.sub\nns.sub A 192.0.2.2\nx.y.h5 TXT deep\n";
    await small.stores.files.import(small.zone, text, import_, by);
    const { serial } = small.stores.zones.get(small.zone);
    await small.wait(1000);
    assert.equal(small.stores.zones.get(small.zone).serial, serial, "a survey finds nothing to sign");

    await using control = await dnssecUnderTest([
      ...lines,
      "@ NS ns1.example.net.",
      ...["sub 300 NS ns.sub.example.org.", "ns.sub 300 A 192.0.2.2", "x.y.h5 300 TXT deep"],
    ]);
    await control.sign({ denial });
    // SOA and keys are each zone's own: types 6, 48, 59, 60.
    const shape = (zone: Zone) => structureOf(zone).filter((line) => ![6, 48, 59, 60].includes(JSON.parse(line)[1]));
    assert.deepEqual(shape(small.stores.editor.zone(zone)), shape(control.stores.editor.zone(zone)));
    using second = small.stores.open();
    assert.deepEqual(structureOf(second.editor.zone(zone)), structureOf(small.stores.editor.zone(zone)));
  });
}

Deno.test("ZoneFiles.import hides no names in a zone that was made below while it was prepared", async () => {
  await using test = await storeUnderTest();
  test.editor.create(zone, { settings }, by);
  const before = test.zones.get(zone).serial;
  const importing = test.files.import(zone, `${fileOf(1)}a.sub A 192.0.2.1\n`, import_, by);
  const seen = eachTurn(importing, (turn) => {
    if (turn === 5) test.editor.create(zoneName("sub.example.org"), { settings }, by);
  });
  await assert.rejects(seen, { code: "conflict", message: /that name belongs to zone sub\.example\.org$/ });
  assert.equal(test.zones.get(zone).serial, before);
});
