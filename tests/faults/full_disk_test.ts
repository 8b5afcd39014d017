/** The data folder's disk is full: what runs goes on, a deploy says what is wrong, and goes through once there is room. */
import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { run, serviceZone, TestPlatform } from "../platform.ts";
import { answering, definition, pushProgram, registry, writeDefinition } from "../stories/bundles.ts";
import { leftOf } from "../stories/holdings.ts";

// Of which a platform takes about 40.
const diskMiB = 96;

Deno.test("a platform lives through a full disk", async (t) => {
  const platform = TestPlatform.unstarted();
  const folder = join(platform.data, "..");
  const mounted = await run("mount", ["-t", "tmpfs", "-o", `size=${diskMiB}m,mode=700`, "tmpfs", folder]);
  if (mounted.code !== 0) {
    Deno.removeSync(folder, { recursive: true });
    console.log(`skipped: no small disk can be mounted here (${mounted.stderr.trim()})`);
    return;
  }
  try {
    const up = await platform.local("up");
    equal(up.code, 0, up.stderr);
    const host = `roomy.${serviceZone}`;
    const image = `${registry}/roomy:v1`;
    await pushProgram(platform, "roomy", "v1", answering(200));
    writeDefinition(platform, "roomy", definition("roomy", image));
    writeDefinition(platform, "other", definition("other", image));
    equal((await platform.mcp("deploy", "roomy")).code, 0);

    await t.step("a deploy says that the disk is full, and what runs goes on", async () => {
      fill(join(folder, "filler"));
      const { code, stderr } = await platform.mcp("deploy", "other");
      ok(code !== 0);
      match(stderr, /full|no space/i);
      equal((await platform.curl(host)).stdout, "answer 200\n");
    });

    await t.step("with room again, the same deploy goes through and nothing else is left", async () => {
      Deno.removeSync(join(folder, "filler"));
      const again = await platform.mcp("deploy", "other");
      equal(again.code, 0, again.stderr);
      equal((await platform.curl(`other.${serviceZone}`)).stdout, "answer 200\n");
      equal((await platform.mcp("undeploy", "other")).code, 0);
      equal((await leftOf(platform, "other")).length, 0);
    });
  } finally {
    await run("rm", ["-f", join(folder, "filler")]);
    const { code } = await platform.local("down");
    if (code !== 0) await platform.killAll();
    const unmounted = await run("umount", [folder]);
    equal(unmounted.code, 0, unmounted.stderr);
    Deno.removeSync(folder, { recursive: true });
  }
});

/** Writes until nothing more fits. */
function fill(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  for (const size of [1024 * 1024, 4096, 1]) {
    const chunk = new Uint8Array(size);
    try {
      for (;;) file.writeSync(chunk);
    } catch (error) {
      match(String(error), /No space left/);
    }
  }
}
