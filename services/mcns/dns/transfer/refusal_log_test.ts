import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { createLogger } from "@lib/log/mod.ts";
import { RefusalLog } from "./refusal_log.ts";

Deno.test("RefusalLog writes the first lines, then one a second, and how many it has left out", () => {
  const lines: string[] = [];
  const clock = new FakeClock();
  const log = createLogger({ service: "mcns", format: "json", clock, write: (line) => lines.push(line) });
  const refusals = new RefusalLog(log, clock);
  const flood = (count: number) => {
    for (let i = 0; i < count; i++) refusals.tell("update refused", { client: "192.0.2.1" });
    return lines.splice(0).map((line) => JSON.parse(line).untold ?? 0);
  };
  assert.deepEqual(flood(10_000), Array(50).fill(0));
  clock.advance(999);
  assert.deepEqual(flood(1), []);
  clock.advance(1);
  assert.deepEqual(flood(3), [9951]);
  clock.advance(3_600_000);
  assert.deepEqual(flood(60), [2, ...Array(49).fill(0)]);
});
