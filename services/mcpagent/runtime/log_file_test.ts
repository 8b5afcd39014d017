import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "@lib/clock/mod.ts";
import { createLogger, silentLogger } from "@lib/log/mod.ts";
import { LogFile } from "./log_file.ts";

function inFolder(work: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const clock = new FakeClock(Date.UTC(2026, 0, 2, 3, 4, 5, 6));

Deno.test("LogFile.append writes lines with their RFC 3339 time, for the owner only", () =>
  inFolder((folder) => {
    using file = new LogFile({ path: join(folder, "a.log"), clock, log: silentLogger });
    file.append(["one", "two"]);
    equal(Deno.readTextFileSync(file.path), "2026-01-02T03:04:05.006Z one\n2026-01-02T03:04:05.006Z two\n");
    equal(Deno.statSync(file.path).mode! & 0o777, 0o600);
  }));

Deno.test("LogFile rotates by size and keeps so many files", () =>
  inFolder((folder) => {
    // A line is 25 characters of time, one digit or two, and its end: three fit.
    using file = new LogFile({ path: join(folder, "a.log"), clock, log: silentLogger, maxBytes: 84, files: 3 });
    for (let i = 1; i <= 12; i++) file.append([String(i)]);
    deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["a.log", "a.log.1", "a.log.2"]);
    deepEqual(file.tail(100).map(({ line }) => line), ["4", "5", "6", "7", "8", "9", "10", "11", "12"]);
    deepEqual(file.tail(4).map(({ line }) => line), ["9", "10", "11", "12"]);
    deepEqual(file.tail(1), [{ at: clock.now(), line: "12" }]);
  }));

Deno.test("LogFile.tail reads back over blocks, and goes on where an earlier program stopped", () =>
  inFolder((folder) => {
    const path = join(folder, "a.log");
    {
      using file = new LogFile({ path, clock, log: silentLogger });
      for (let i = 0; i < 400; i++) file.append([`${i} ${"ü".repeat(300)}`]);
    }
    using file = new LogFile({ path, clock, log: silentLogger });
    file.append(["last"]);
    const tail = file.tail(301);
    equal(tail.length, 301);
    equal(tail[0]!.line, `100 ${"ü".repeat(300)}`);
    equal(tail.at(-1)!.line, "last");
  }));

Deno.test("LogFile.follow hands on what comes after, until it is ended", () =>
  inFolder((folder) => {
    using file = new LogFile({ path: join(folder, "a.log"), clock, log: silentLogger });
    file.append(["before"]);
    const seen: string[] = [];
    const end = file.follow((entries) => seen.push(...entries.map(({ line }) => line)));
    file.append(["one"]);
    end();
    file.append(["two"]);
    deepEqual(seen, ["one"]);
  }));

Deno.test("LogFile.append loses lines rather than throw when the file can't be written, and says so once", () =>
  inFolder((folder) => {
    const errors: string[] = [];
    const log = createLogger({ service: "mcpagent", clock, write: (line) => errors.push(line) });
    using file = new LogFile({ path: join(folder, "gone", "a.log"), clock, log });
    file.append(["one"]);
    file.append(["two"]);
    equal(errors.length, 1);
    match(errors[0]!, /log lines lost/);
  }));

Deno.test("LogFile.remove deletes the rotated files too", () =>
  inFolder((folder) => {
    const file = new LogFile({ path: join(folder, "a.log"), clock, log: silentLogger, maxBytes: 30, files: 3 });
    for (let i = 0; i < 5; i++) file.append([String(i)]);
    file.remove();
    deepEqual([...Deno.readDirSync(folder)], []);
  }));
