import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { type Deadline, Deadlines } from "./deadlines.ts";

/** Lets all that are set to less than a second run out, and waits for the sweep. */
function swept(deadlines: Deadlines, clock: FakeClock): Promise<void> {
  return new Promise((resolve) => {
    const last = deadlines.open(() => {
      last.close();
      resolve();
    });
    last.set(1);
    clock.advance(1000);
  });
}

Deno.test("Deadlines fires each that has run out once, whichever others it closes or opens", async () => {
  for (const closes of [[], [0], [2], [1, 2, 3], [3, 2, 1, 0]]) {
    const clock = new FakeClock();
    const deadlines = new Deadlines(clock);
    const fired: number[] = [];
    const opened: Deadline[] = [];
    const all = [0, 1, 2, 3].map((index) =>
      deadlines.open(() => {
        fired.push(index);
        opened.push(deadlines.open(() => assert.fail("it was never set")));
        for (const other of closes) all[other]!.close();
      })
    );
    for (const deadline of all) deadline.set(500);
    await swept(deadlines, clock);
    assert.deepEqual(fired, [...new Set(fired)], "once");
    // What none of those that fired has closed.
    const open = [0, 1, 2, 3].filter((index) => !closes.includes(index));
    assert.deepEqual(open.filter((index) => !fired.includes(index)), [], "all that stayed open");
    await swept(deadlines, clock);
    assert.deepEqual(fired, [...new Set(fired)], "never again");
    for (const deadline of [...all, ...opened]) deadline.close();
  }
});

Deno.test("Deadline fires neither early nor when it was cleared, closed, or set to never", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const fired: string[] = [];
  const open = (name: string) => deadlines.open(() => fired.push(name));
  const [late, cleared, closed, never, again] = ["late", "cleared", "closed", "never", "again"].map(open);
  for (const deadline of [cleared, closed, again]) deadline!.set(100);
  late!.set(60_000);
  never!.set(0);
  cleared!.clear();
  closed!.close();
  closed!.set(1);
  await swept(deadlines, clock);
  assert.deepEqual(fired, ["again"]);
  again!.set(100);
  await swept(deadlines, clock);
  assert.deepEqual(fired, ["again", "again"]);
  for (const deadline of [late, cleared, never, again]) deadline!.close();
});
