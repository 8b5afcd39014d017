import assert from "node:assert/strict";
import { join } from "node:path";
import { holdUntilExit, untilReleased } from "./mod.ts";

/** A process that holds the file until it is killed. */
async function holder(path: string): Promise<Deno.ChildProcess> {
  const code = `import { holdUntilExit } from ${JSON.stringify(import.meta.resolve("./process_lock.ts"))};
    await holdUntilExit(${JSON.stringify(path)}, "a test");
    console.log("held");
    setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--config",
      join(import.meta.dirname!, "../../deno.json"),
      "data:text/typescript," + encodeURIComponent(code),
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return child;
}

Deno.test("holdUntilExit holds a file until its process has ended, even by kill -9", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "run", "agent.lock");
  assert.equal(await untilReleased(path, 0), true);
  const first = await holder(path);
  try {
    assert.equal(await untilReleased(path, 0), false);
    await assert.rejects(holdUntilExit(path, "an agent", 0), {
      code: "conflict",
      message: `Cannot start: an agent runs already, with ${path} locked`,
    });
    const released = untilReleased(path, 30_000);
    first.kill("SIGKILL");
    assert.equal(await released, true);
    // Who starts while another ends waits for it.
    const second = await holder(path);
    const third = holder(path);
    second.kill("SIGKILL");
    await second.status;
    (await third).kill("SIGKILL");
    await (await third).status;
    assert.equal(await untilReleased(path, 0), true);
  } finally {
    await first.status;
    await Deno.remove(folder, { recursive: true });
  }
});
