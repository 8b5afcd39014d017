import assert from "node:assert/strict";
import { join } from "node:path";
import { analyse } from "./analyse.ts";

Deno.test("analyse fills the runtime's cache, runs nothing and fetches nothing", async () => {
  const folder = Deno.makeTempDirSync();
  const cacheDir = join(folder, "cache");
  const options = { deno: Deno.execPath(), cacheDir };
  const entry = (source: string) => {
    const file = join(folder, `${crypto.randomUUID()}.js`);
    Deno.writeTextFileSync(file, source);
    return file;
  };
  try {
    const trace = join(folder, "it-ran");
    const good = entry(`import "node:fs"; Deno.writeTextFileSync(${JSON.stringify(trace)}, "");`);
    assert.equal(await analyse(options, good), true);
    assert.throws(() => Deno.statSync(trace), Deno.errors.NotFound);
    assert.ok([...Deno.readDirSync(cacheDir)].some(({ name }) => name.startsWith("dep_analysis_cache")));

    assert.equal(await analyse(options, entry(`import "https://127.0.0.1:1/x.js";`)), false);
    assert.equal(await analyse(options, entry("not JavaScript (")), false);
    assert.equal(await analyse(options, join(folder, "missing", "main.js")), false);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
