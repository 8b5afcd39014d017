import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { ChallengeTable } from "./challenge_table.ts";

Deno.test("ChallengeTable clears away what a killed process left, and starts beside what it can't remove", async () => {
  const dir = await Deno.makeTempDir({ prefix: "challenges-" });
  try {
    Deno.writeTextFileSync(`${dir}/http-old`, "{}");
    // Nothing of ours, and not empty: it can't be removed like a file.
    Deno.mkdirSync(`${dir}/a-folder/inside`, { recursive: true });
    new ChallengeTable("http-01", dir, new FakeClock(Date.now() + 2 * 3_600_000));
    assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["a-folder"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
