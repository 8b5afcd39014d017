import assert from "node:assert/strict";
import { type Lane, Turns } from "./turns.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Adds pieces that write their names down. */
function add(lane: Lane, begun: string[], ...names: string[]): void {
  for (const name of names) lane.add(() => begun.push(name));
}

Deno.test("Turns begins so many pieces of work a turn, and clients with more take turns", async () => {
  // The runtime loads it at its first use, and runs microtasks on the way.
  await turn();
  const turns = new Turns(2);
  const [flood, other] = [turns.lane(), turns.lane()];
  const begun: string[] = [];
  add(flood, begun, "f1", "f2", "f3", "f4", "f5", "f6");
  add(other, begun, "o1", "o2");
  assert.equal(begun.length, 0, "what is being handled comes first");
  await null;
  assert.deepEqual(begun, ["f1", "f2"]);
  const seen: string[] = [];
  while (begun.length < 8) {
    const before = begun.length;
    await turn();
    if (begun.length > before) seen.push(begun.slice(before).join(" "));
  }
  assert.deepEqual(seen, ["f3 o1", "f4 o2", "f5 f6"]);
});

Deno.test("Turns begins work in the next turn when this one has no room", async () => {
  const turns = new Turns(1);
  const lane = turns.lane();
  const begun: string[] = [];
  add(lane, begun, "one");
  await null;
  add(lane, begun, "two");
  await null;
  assert.deepEqual(begun, ["one"]);
  await turn();
  assert.deepEqual(begun, ["one", "two"]);
});

Deno.test("Lane.close drops what hasn't begun", async () => {
  const turns = new Turns(1);
  const [gone, other] = [turns.lane(), turns.lane()];
  const begun: string[] = [];
  add(gone, begun, "g1", "g2", "g3");
  add(other, begun, "o1");
  gone.close();
  for (let wait = 0; wait < 4; wait++) await turn();
  assert.deepEqual(begun, ["g1", "o1"]);
});
