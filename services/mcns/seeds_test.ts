import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { loadConfig } from "@lib/config/mod.ts";
import { schema } from "./config.ts";
import { parseSeeds } from "./seeds.ts";
import { seedZones } from "./store/seed_zones.ts";
import { lookUp, storeUnderTest } from "./testing/temp_store.ts";

const example = fileURLToPath(new URL("../../deploy/examples/mcns/mcns.toml", import.meta.url));

Deno.test("the example config seeds two zones with twelve addresses, once", async () => {
  const { config } = loadConfig({ schema, service: "mcns", file: example, environment: () => undefined });
  await using test = await storeUnderTest();
  const seeds = parseSeeds(config.zones);
  assert.equal(seeds.flatMap(({ records }) => records).length, 12);
  assert.deepEqual(seedZones(test.editor, test.zones, seeds), ["svc.mcp.metacircular.net", "mcp.metacircular.net"]);
  assert.equal(lookUp(test.directory, "mcr.svc.mcp.metacircular.net A"), "300 192.0.2.10");
  assert.equal(lookUp(test.directory, "node2.mcp.metacircular.net A"), "3600 192.0.2.11");
  assert.deepEqual(seedZones(test.editor, test.zones, seeds), []);
});
