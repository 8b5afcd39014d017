import assert from "node:assert/strict";
import { registryUnderTest } from "../testing/test_registry.ts";

Deno.test("uploads that nobody writes to are dropped at start, others stay", async () => {
  await using world = await registryUnderTest("[storage]\nupload_idle_seconds = 3600\n");
  const begin = async () => (await world.call("POST /v2/app/blobs/uploads/")).headers.get("location")!;
  const abandoned = await begin();
  const lost = await begin();
  const fresh = await begin();
  await world.call(`PATCH ${fresh}`, { body: "half" });
  const fileOf = (location: string) => `${world.folder}/data/uploads/${location.split("/").at(-1)}`;
  const now = world.clock.now() / 1000;
  await Deno.utime(fileOf(abandoned), now - 3700, now - 3700);
  await Deno.remove(fileOf(lost));
  await Deno.writeTextFile(`${world.folder}/data/uploads/stray`, "");
  await Deno.utime(`${world.folder}/data/uploads/stray`, 0, 0);

  await world.restart();
  assert.equal((await world.call(`GET ${abandoned}`)).status, 404);
  assert.deepEqual([...Deno.readDirSync(`${world.folder}/data/uploads`)].map(({ name }) => name), [
    fresh.split("/").at(-1),
  ]);
  assert.equal((await world.call(`GET ${fresh}`)).headers.get("range"), "0-3");

  // A row without its file is only dropped once it is as old.
  world.clock.advance(3_700_000);
  const soon = world.clock.now() / 1000;
  await Deno.utime(fileOf(fresh), soon, soon);
  await world.restart();
  assert.equal((await world.call(`GET ${fresh}`)).status, 204);
  assert.match((await world.call("GET /metrics", { as: null })).text, /mcr_uploads 1\n/);
});
