import assert from "node:assert/strict";
import { join } from "node:path";
import { silentLogger } from "@lib/log/mod.ts";
import { parseIp } from "../domain/ip_address.ts";
import { CountryFile } from "./country_file.ts";
import { country, writeMmdb } from "./testing/mmdb_writer.ts";

const database = (code: string) => writeMmdb([["192.0.2.0/24", country(code)]]);
const client = parseIp("192.0.2.1")!;

async function inFolder(test: (path: string, open: () => Promise<CountryFile>) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "country.mmdb");
  try {
    await test(path, () => CountryFile.open({ path, pollMs: 0, maxBytes: 10_000, log: silentLogger }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** As geoipupdate replaces it. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.writeFile(`${path}.new`, bytes);
  await Deno.rename(`${path}.new`, path);
}

Deno.test("CountryFile takes a new file over, and keeps the old one when the new one is bad", async () => {
  await inFolder(async (path, open) => {
    await Deno.writeFile(path, database("DE"));
    const file = await open();
    assert.equal(file.country(client), "DE");
    assert.equal(file.alarm, "");
    assert.equal(file.metadata?.databaseType, "Test-Country");

    await replace(path, database("FR"));
    assert.equal(file.country(client), "DE");
    await file.poll();
    assert.equal(file.country(client), "FR");

    await replace(path, database("IT").subarray(0, 300));
    await file.poll();
    // May be half written: one more look.
    assert.equal(file.alarm, "");
    await file.poll();
    assert.equal(
      file.alarm,
      `country database ${path}: no MaxMind DB file: its metadata isn't there; the one before stays in use`,
    );
    assert.equal(file.country(client), "FR");
    assert.ok(file.ready);

    await replace(path, database("IT"));
    await file.poll();
    assert.equal(file.country(client), "IT");
    assert.equal(file.alarm, "");

    await Deno.remove(path);
    await file.poll();
    await file.poll();
    assert.match(file.alarm, /No such file.*; the one before stays in use$/);
    assert.equal(file.country(client), "IT");
    await file.close();
  });
});

Deno.test("CountryFile starts without a file, says so, and takes it when it comes", async () => {
  await inFolder(async (path, open) => {
    const file = await open();
    assert.equal(file.ready, false);
    assert.equal(file.metadata, null);
    assert.equal(file.country(client), "??");
    assert.match(file.alarm, /^country database .*: No such file.*; rules with countries match nothing$/);
    await Deno.writeFile(path, database("DE"));
    await file.poll();
    assert.equal(file.country(client), "DE");
    assert.equal(file.alarm, "");
    await file.close();
  });
});

Deno.test("CountryFile refuses links, folders, and files above its limit", async () => {
  await inFolder(async (path, open) => {
    await Deno.writeFile(`${path}.real`, database("DE"));
    await Deno.symlink(`${path}.real`, path);
    assert.match((await open()).alarm, /: it is a symbolic link; put the file itself there; rules/);
    await Deno.remove(path);
    await Deno.mkdir(path);
    assert.match((await open()).alarm, /: it is no file; rules/);
    await Deno.remove(path);
    await Deno.writeFile(path, new Uint8Array(10_001));
    assert.match((await open()).alarm, /: it has 10001 bytes, at most 10000 are read; rules/);
  });
});

Deno.test("CountryFile looks by itself, and is quiet when closed", async () => {
  await inFolder(async (path) => {
    await Deno.writeFile(path, database("DE"));
    let loaded = () => {};
    const log = { ...silentLogger, info: () => loaded() };
    const file = await CountryFile.open({ path, pollMs: 5, maxBytes: 10_000, log });
    const taken = new Promise<void>((resolve) => loaded = resolve);
    await replace(path, database("FR"));
    await taken;
    assert.equal(file.country(client), "FR");
    await replace(path, database("IT"));
    await file.close();
  });
});
