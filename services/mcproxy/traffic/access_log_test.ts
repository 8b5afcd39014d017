import assert from "node:assert/strict";
import { join } from "node:path";
import { createLogger, silentLogger } from "@lib/log/mod.ts";
import { accessEntry } from "../testing/access_entry.ts";
import { AccessLog, type AccessLogOptions } from "./access_log.ts";

const options = { format: "json", queries: false, maxBytes: 1 << 20, keep: 2, log: silentLogger } as const;

async function inFolder(
  test: (dir: string, open: (differs?: Partial<AccessLogOptions>) => AccessLog) => Promise<void>,
): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "access-log-" });
  try {
    const dir = join(parent, "log");
    await test(dir, (differs) => new AccessLog({ ...options, dir, ...differs }));
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** The status of each line of a file: tests number their lines so. */
async function lines(path: string): Promise<number[]> {
  return (await Deno.readTextFile(path)).split("\n").slice(0, -1).map((line) => JSON.parse(line).status);
}

async function files(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name).sort();
}

Deno.test("AccessLog writes lines within its quarter of a second, and the last ones when it is closed", async () => {
  await inFolder(async (dir, open) => {
    const path = join(dir, "access.log");
    const log = open();
    log.write(accessEntry({ status: 1 }));
    const deadline = Date.now() + 5000;
    while (!await Deno.stat(path).then(({ size }) => size > 0, () => false)) {
      assert.ok(Date.now() < deadline, "nothing was written");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    log.write(accessEntry({ status: 2 }));
    await log[Symbol.asyncDispose]();
    log.write(accessEntry({ status: 3 }));
    assert.deepEqual(await lines(path), [1, 2]);
    assert.deepEqual([log.lines, log.lost], [2, 1]);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o640);
    // Another one goes on where this one ended.
    await using next = open();
    next.write(accessEntry({ status: 4 }));
    await next.flush();
    assert.deepEqual(await lines(path), [1, 2, 4]);
  });
});

Deno.test("AccessLog numbers full files and keeps so many of them", async () => {
  await inFolder(async (dir, open) => {
    await using log = open({ maxBytes: 500 });
    for (let status = 1; status <= 8; status++) {
      log.write(accessEntry({ status, userAgent: "a".repeat(200) }));
      await log.flush();
    }
    assert.deepEqual(await files(dir), ["access.log", "access.log.1", "access.log.2"]);
    assert.deepEqual(await lines(join(dir, "access.log")), [7, 8]);
    assert.deepEqual(await lines(join(dir, "access.log.1")), [5, 6]);
    assert.deepEqual(await lines(join(dir, "access.log.2")), [3, 4]);
  });
  await inFolder(async (dir, open) => {
    await using log = open({ maxBytes: 1, keep: 0 });
    for (let status = 1; status <= 3; status++) {
      log.write(accessEntry({ status }));
      await log.flush();
    }
    assert.deepEqual(await files(dir), ["access.log"]);
    assert.deepEqual(await lines(join(dir, "access.log")), [3]);
  });
});

Deno.test("AccessLog follows when somebody else moves the file, and shares it with a second process", async () => {
  await inFolder(async (dir, open) => {
    const path = join(dir, "access.log");
    await using log = open();
    await using other = open();
    const both = async (status: number) => {
      for (const one of [log, other]) {
        one.write(accessEntry({ status }));
        await one.flush();
      }
    };
    await both(1);
    await Deno.rename(path, join(dir, "moved"));
    await both(2);
    assert.deepEqual([await lines(join(dir, "moved")), await lines(path)], [[1, 1], [2, 2]]);
  });
});

Deno.test("AccessLog on a full disk loses nothing below its bound, warns once, and goes on when there is room", async () => {
  await inFolder(async (dir, open) => {
    const path = join(dir, "access.log");
    const said: string[] = [];
    const write = (line: string) => void said.push(JSON.parse(line).message);
    await using log = open({ log: createLogger({ service: "mcproxy", level: "info", format: "json", write }) });
    await Deno.mkdir(dir);
    await Deno.symlink("/dev/full", path);
    for (let status = 1; status <= 3; status++) {
      log.write(accessEntry({ status }));
      await log.flush();
    }
    assert.match(log.problem, /access log: No space left on device.*; 0 lines lost/);
    for (let i = 0; i < 50_000; i++) log.write(accessEntry());
    assert.ok(log.lost > 10_000, `${log.lost} lines lost`);

    await Deno.remove(path);
    await log.flush();
    assert.equal(log.problem, "");
    const written = await lines(path);
    assert.deepEqual(written.slice(0, 4), [1, 2, 3, 200]);
    assert.equal(written.length, log.lines);
    assert.equal(log.lines + log.lost, 50_003);
    assert.deepEqual(said, [
      "Access log can't be written; it is tried again every second",
      "Access log is written again",
    ]);
  });
});
