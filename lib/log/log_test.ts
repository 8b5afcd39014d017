import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { notFound } from "@lib/errors/mod.ts";
import { createLogger, type Fields, type LoggerOptions, RecentProblems, Secret } from "./mod.ts";

function lines(options: Partial<LoggerOptions>, log: (logger: ReturnType<typeof createLogger>) => void): string {
  let out = "";
  log(createLogger({ service: "mcns", clock: new FakeClock(), ...options, write: (line) => void (out += line) }));
  return out;
}

// Fields and how they are printed.
const shown: [Fields, string][] = [
  [{ zone: "example.org", n: 3 }, "zone=example.org n=3"],
  [{ text: "two words" }, 'text="two words"'],
  [{ big: 12345678901234567890n }, "big=12345678901234567890"],
  [{ list: ["a"] }, 'list="[\\"a\\"]"'],
  [{ missing: undefined }, ""],
  [{ error: notFound("zone", "x") }, 'error="No zone \\"x\\""'],
  [
    { password: "hunter2", access_token: "ey", authorization: "Bearer x" },
    'password="[secret]" access_token="[secret]" authorization="[secret]"',
  ],
  [{ value: new Secret("hunter2") }, 'value="\\"[secret]\\""'],
];
for (const [fields, text] of shown) {
  Deno.test(`Logger prints ${Object.keys(fields)} as ${text}`, () => {
    assert.equal(
      lines({}, (log) => log.info("m", fields)),
      `2026-01-01T00:00:00.000Z INFO  m${text === "" ? "" : ` ${text}`}\n`,
    );
  });
}

Deno.test("Logger drops what is below its level and keeps bound fields", () => {
  assert.equal(
    lines({ level: "warn" }, (log) => {
      log.with({ a: 1 }).info("dropped");
      log.with({ a: 1 }).warn("kept", { b: 2 });
    }),
    "2026-01-01T00:00:00.000Z WARN  kept a=1 b=2\n",
  );
});

Deno.test("Logger writes JSON lines on demand", () => {
  const line = lines({ format: "json" }, (log) => log.error("no", { password: "x", n: 1n }));
  assert.deepEqual(JSON.parse(line), {
    time: "2026-01-01T00:00:00.000Z",
    level: "error",
    service: "mcns",
    message: "no",
    password: "[secret]",
    n: "1",
  });
});

Deno.test("Logger lets no message forge a second line", () => {
  assert.equal(lines({}, (log) => log.info("a\nb\x1b[31m")), "2026-01-01T00:00:00.000Z INFO  a\\x0ab\\x1b[31m\n");
});

Deno.test("Secret shows itself nowhere but in reveal", () => {
  const secret = new Secret("hunter2");
  assert.equal(
    `${secret} ${JSON.stringify({ secret })} ${Deno.inspect(secret)}`,
    '[secret] {"secret":"[secret]"} [secret]',
  );
  assert.equal(secret.reveal(), "hunter2");
});

Deno.test("RecentProblems keeps the last warnings and errors, newest first, and hands every event on", () => {
  let out = "";
  const clock = new FakeClock();
  const all = createLogger({ service: "mcns", clock, write: (line) => void (out += line) });
  const problems = new RecentProblems(all, clock, 2);
  problems.log.info("fine");
  problems.log.error("first");
  problems.log.with({ zone: "example.org" }).warn("second", { token: "ey" });
  problems.log.error("third");
  const at = "2026-01-01T00:00:00.000Z";
  assert.deepEqual(problems.lines, [`${at} ERROR third`, `${at} WARN  second zone=example.org token="[secret]"`]);
  assert.equal(out.split("\n").length, 5);
});
