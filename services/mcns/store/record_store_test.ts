import assert from "node:assert/strict";
import { by, lookUp, parsed, settings, type StoreUnderTest, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import { maxValuesPerSet } from "./record_store.ts";

const zone = zoneName("example.org");

function add(test: StoreUnderTest, text: string, ttl = 300): string {
  const { name, value } = parsed(zone, text);
  try {
    return `id ${test.records.add(zone, name, value, ttl, by).id}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function set(test: StoreUnderTest, name: string, type: string, values: string[], ttl = 300) {
  const records = values.map((value) => parsed(zone, `${name} ${type} ${value}`));
  return test.records.set(zone, parsed(zone, `${name} A 192.0.2.1`).name, records.map(({ value }) => value), ttl, by);
}

const serial = (test: StoreUnderTest) => test.zones.get(zone).serial;

Deno.test("RecordStore.add raises the serial, and the zone in memory has it when it returns", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  assert.equal(serial(test), 2026112100);
  assert.equal(add(test, "www A 192.0.2.1"), "id 1");
  assert.equal(serial(test), 2026112101);
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1");
  assert.equal(lookUp(test.directory, "example.org SOA"), "serial 2026112101");
  test.clock.set(Date.UTC(2020, 0, 1));
  add(test, "www A 192.0.2.2", 60);
  assert.equal(serial(test), 2026112102, "a clock set back doesn't take the serial with it");
  // RFC 2181 §5.2: one TTL per set.
  assert.equal(lookUp(test.directory, "www.example.org A"), "60 192.0.2.1 192.0.2.2");
});

Deno.test("RecordStore.add refuses what breaks a rule, and changes nothing then", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  test.zones.create(zoneName("sub.example.org"), settings, by);
  add(test, "www A 192.0.2.1");
  add(test, "web CNAME www.example.org");
  const before = serial(test);
  for (
    const [text, message] of [
      ["www A 192.0.2.1", 'Cannot add A "www": it has 192.0.2.1 already'],
      ["web CNAME www.example.org", 'Cannot add CNAME "web": it has www.example.org already'],
      ["www CNAME a.example.org", 'Cannot add CNAME "www": an A record exists at that name'],
      ["web A 192.0.2.1", 'Cannot add A "web": a CNAME record exists at that name'],
      [
        "web CNAME b.example.org",
        'Cannot add CNAME "web": a CNAME to www.example.org exists at that name, and a name has one',
      ],
      [
        "@ CNAME b.example.org",
        'name: Cannot add CNAME "@": the zone\'s SOA and NS records stand there; add A or AAAA records',
      ],
      ["a.sub A 192.0.2.1", 'Cannot add A "a.sub" to zone example.org: that name belongs to zone sub.example.org'],
      ["sub A 192.0.2.1", 'Cannot add A "sub" to zone example.org: that name belongs to zone sub.example.org'],
    ] as const
  ) assert.equal(add(test, text), message);
  assert.equal(serial(test), before);
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1");
  const { name, value } = parsed(zone, "www A 192.0.2.1");
  assert.throws(() => test.records.add(zoneName("other.org"), name, value, 300, by), { code: "not_found" });
});

Deno.test("RecordStore.add stops at the limit of values", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  for (let i = 0; i < maxValuesPerSet; i++) add(test, `www A 192.0.2.${i}`);
  assert.equal(add(test, "www A 192.0.3.1"), 'Cannot add A "www": it has 64 values, and that is the limit');
});

Deno.test("RecordStore.set makes the set exactly these values, keeps what stays, and is idempotent", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  const first = set(test, "www", "A", ["192.0.2.1", "192.0.2.2", "192.0.2.1"]);
  assert.deepEqual(first.records.map((row) => [row.id, row.value]), [[1, "192.0.2.1"], [2, "192.0.2.2"]]);
  assert.equal(first.serial, 2026112101);
  const again = set(test, "www", "A", ["192.0.2.2", "192.0.2.1"]);
  assert.deepEqual(again, first, "nothing to change: same rows, same serial");
  const second = set(test, "www", "A", ["192.0.2.3", "192.0.2.2"], 60);
  assert.deepEqual(second.records.map((row) => [row.id, row.value, row.ttl]), [[2, "192.0.2.2", 60], [
    3,
    "192.0.2.3",
    60,
  ]]);
  assert.equal(second.serial, 2026112102);
  assert.equal(lookUp(test.directory, "www.example.org A"), "60 192.0.2.2 192.0.2.3");
  set(test, "web", "CNAME", ["www.example.org"]);
  set(test, "web", "CNAME", ["ftp.example.org"]);
  assert.equal(lookUp(test.directory, "web.example.org A"), "alias ftp.example.org");
  for (
    const [name, type, values, code] of [
      ["www", "CNAME", ["a.example.org"], "conflict"],
      ["web", "A", ["192.0.2.1"], "conflict"],
      ["new", "CNAME", ["a.example.org", "b.example.org"], "invalid"],
      ["new", "A", [], "invalid"],
    ] as const
  ) assert.throws(() => set(test, name, type, [...values]), { code }, `${name} ${type}`);
  assert.equal(lookUp(test.directory, "new.example.org A"), "no_name");
});

Deno.test("RecordStore.remove deletes by name, type and value; none left is no error", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  for (const text of ["www A 192.0.2.1", "www A 192.0.2.2", "www AAAA 2001:db8::1", "a.b A 192.0.2.3"]) add(test, text);
  const { name } = parsed(zone, "www A 192.0.2.1");
  const start = serial(test);
  assert.deepEqual(test.records.remove(zone, name, { type: "A", value: "192.0.2.9" }, by), {
    deleted: 0,
    serial: start,
  });
  assert.deepEqual(test.records.remove(zone, name, { type: "A", value: "192.0.2.1" }, by), {
    deleted: 1,
    serial: start + 1,
  });
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.2");
  assert.deepEqual(test.records.remove(zone, name, {}, by), { deleted: 2, serial: start + 2 });
  assert.equal(lookUp(test.directory, "www.example.org A"), "no_name");
  assert.deepEqual(test.records.remove(zone, name, {}, by), { deleted: 0, serial: start + 2 });
});

Deno.test("RecordStore.list pages by id and filters by name and type", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  for (const text of ["a A 192.0.2.1", "b A 192.0.2.2", "a AAAA ::1", "c A 192.0.2.3"]) add(test, text);
  const list = (filter: { name?: string; type?: "A" | "AAAA" }, after = 0, limit = 10) =>
    test.records.list(zone, {
      ...(filter.name === undefined ? {} : { name: parsed(zone, `${filter.name} A 192.0.2.1`).name }),
      ...(filter.type === undefined ? {} : { type: filter.type }),
    }, { limit, after }).map((row) => row.id);
  assert.deepEqual(list({}), [1, 2, 3, 4]);
  assert.deepEqual(list({}, 1, 2), [2, 3]);
  assert.deepEqual(list({ type: "A" }, 1), [2, 4]);
  assert.deepEqual(list({ name: "a" }), [1, 3]);
  assert.deepEqual(list({ name: "a" }, 1), [3]);
  assert.deepEqual(list({ name: "a", type: "A" }), [1]);
});

Deno.test("each change of records leaves its audit row, in its own transaction", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  add(test, "www A 192.0.2.1");
  add(test, "www CNAME a.example.org"); // refused: leaves none
  set(test, "www", "A", ["192.0.2.2"]);
  set(test, "www", "A", ["192.0.2.2"]); // changes nothing: leaves none
  test.records.remove(zone, parsed(zone, "www A 192.0.2.1").name, {}, by);
  const { events } = test.audit.list({ page: { limit: 10, after: null } });
  assert.deepEqual(events.map(({ actor, remote, action, target, detail }) => [actor, remote, action, target, detail]), [
    ["ada", by.remote, "record.delete", "www.example.org all types", "was A 192.0.2.2; serial 2026112103"],
    ["ada", by.remote, "record.set", "www.example.org A", "192.0.2.2 ttl 300; was 192.0.2.1; serial 2026112102"],
    ["ada", by.remote, "record.add", "www.example.org A", "192.0.2.1 ttl 300; serial 2026112101"],
    ["ada", by.remote, "zone.create", "example.org", "serial 2026112100"],
  ]);
});

Deno.test("on a full disk nothing changes, the error says so, and answers go on", async () => {
  await using test = await storeUnderTest();
  test.zones.create(zone, settings, by);
  add(test, "www A 192.0.2.1");
  // As far as SQLite is concerned: not a page more than there are.
  const { page_count } = test.db.prepare<{ page_count: number }>("PRAGMA page_count").get()!;
  test.db.prepare(`PRAGMA max_page_count = ${page_count}`).get();
  let added = 0;
  let refused: unknown;
  while (refused === undefined) {
    const { name, value } = parsed(zone, `${"x".repeat(60)}${added} A 192.0.2.2`);
    try {
      test.records.add(zone, name, value, 300, by);
      added++;
    } catch (error) {
      refused = error;
    }
  }
  assert.equal((refused as { code: string }).code, "unavailable");
  assert.match((refused as Error).message, /is full: nothing was changed$/);
  assert.equal(serial(test), 2026112101 + added);
  assert.equal(lookUp(test.directory, `${"x".repeat(60)}${added}.example.org A`), "no_name");
  assert.equal(lookUp(test.directory, "www.example.org A"), "300 192.0.2.1");
  test.db.prepare("PRAGMA max_page_count = 1000000").get();
  assert.match(add(test, "after A 192.0.2.3"), /^id /);
});
