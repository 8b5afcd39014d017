import assert from "node:assert/strict";
import { RecordName } from "../domain/record_name.ts";
import { parseSeedRecord } from "../domain/seed.ts";
import { by, lookUp, settings, storeUnderTest, zoneName } from "../testing/temp_store.ts";
import type { Edit } from "./edit_session.ts";

const zone = zoneName("example.org");

Deno.test("a DNAME and names below it don't come together in one edit either", async () => {
  await using test = await storeUnderTest();
  test.editor.create(zone, { settings }, by);
  const dname = parseSeedRecord("d DNAME example.net", zone, "record");
  const below = parseSeedRecord("a.d A 192.0.2.1", zone, "record");
  const edit = (work: (edit: Edit) => void) => () => test.editor.edit(zone, by, "test", work);
  const refused = { code: "conflict", message: 'Cannot add DNAME "d": "a.d" stands below it' };
  for (const both of [[dname, below], [below, dname]]) {
    assert.throws(edit((session) => both.forEach((one) => session.add(one))), refused);
  }
  const made = zoneName("example.com");
  assert.throws(
    () =>
      test.editor.create(made, { settings }, by, (session) => {
        for (const line of ["a.d A 192.0.2.1", "d DNAME example.net"]) {
          session.add(parseSeedRecord(line, made, "record"));
        }
      }),
    refused,
  );
  for (const line of ["0.d A 192.0.2.1", "a.d A 192.0.2.1"]) test.add(zone, line);
  const clear = (session: Edit, name: string) => {
    for (const row of session.recordsAt(RecordName.parse(name, zone))) session.remove(row);
  };
  assert.throws(
    edit((session) => {
      clear(session, "0.d");
      session.add(dname);
    }),
    refused,
  );
  edit((session) => {
    clear(session, "0.d");
    clear(session, "a.d");
    session.add(dname);
  })();
  assert.equal(lookUp(test.directory, "a.d.example.org A"), "dname example.net");
});

Deno.test("a DNAME doesn't come over names that only a view has", async () => {
  await using test = await storeUnderTest({ views: [{ name: "lan", has: () => false }] });
  test.editor.create(zone, { settings }, by);
  test.add(zone, "a.d A 192.0.2.1", { view: "lan" });
  test.add(zone, "b\\.e A 192.0.2.1");
  const refused = { code: "conflict", message: /"a\.d"/ };
  assert.throws(() => test.add(zone, "d DNAME example.net"), refused);
  const file = "d 300 DNAME example.net.\n";
  await assert.rejects(test.files.import(zone, file, { dryRun: true, create: false }, by), refused);
  test.add(zone, "e DNAME example.net");
});
