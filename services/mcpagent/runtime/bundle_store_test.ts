import { deepEqual, equal, throws } from "node:assert/strict";
import { join } from "node:path";
import { readBundle } from "./bundle.ts";
import { hasBundle, storeBundle, sweepBundles } from "./bundle_store.ts";

const [one, two] = ["1".repeat(64), "2".repeat(64)];
const config = {
  name: "hello",
  version: "1.0.0",
  declaration: { program: "hello" },
  config_defaults: {},
  entry: "main.js",
};
const files = new Map([
  ["main.js", new TextEncoder().encode("// program")],
  ["assets/style.css", new TextEncoder().encode("body {}")],
  ["bundle.json", new TextEncoder().encode("made up")],
]);

function inFolder(work: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("storeBundle unpacks a whole bundle under its name, with our description of it", () =>
  inFolder((folder) => {
    equal(hasBundle(folder, one), false);
    storeBundle(folder, one, config, files);
    storeBundle(folder, one, config, files);
    equal(hasBundle(folder, one), true);
    deepEqual(names(folder), [one]);
    equal(Deno.readTextFileSync(join(folder, one, "assets", "style.css")), "body {}");
    const { name, version, entry } = readBundle(folder, one);
    deepEqual([name, version, entry], ["hello", "1.0.0", join(folder, one, "main.js")]);
  }));

Deno.test("readBundle refuses what is missing or describes itself badly", () =>
  inFolder((folder) => {
    throws(() => readBundle(folder, "../x"), { code: "invalid" });
    throws(() => readBundle(folder, one), { code: "not_found" });
    storeBundle(folder, one, { ...config, version: "1 0" }, files);
    throws(() => readBundle(folder, one), /has no good version, got "1 0"/);
    storeBundle(folder, two, { ...config, declaration: { program: "hello", all: true } }, files);
    throws(() => readBundle(folder, two), /declaration\.all/);
  }));

Deno.test("sweepBundles removes what nothing names, and what a crash left, but nothing young", () =>
  inFolder((folder) => {
    const now = Date.now();
    storeBundle(folder, one, config, files);
    storeBundle(folder, two, config, files);
    Deno.mkdirSync(join(folder, `${two}.x.partial`));
    equal(sweepBundles(folder, new Set([one]), 1_000, now), 0);
    equal(sweepBundles(folder, new Set([one]), 1_000, now + 5_000), 2);
    deepEqual(names(folder), [one]);
  }));
