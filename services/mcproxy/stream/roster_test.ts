import assert from "node:assert/strict";
import { type Listed, Roster } from "./roster.ts";

class Named implements Listed {
  place = -1;

  constructor(readonly name: string) {}
}

const names = (roster: Roster<Named>) => roster.items.map(({ name }) => name).sort().join("");

Deno.test("Roster holds what was added and not deleted, wherever it stood", () => {
  const rows: [deleted: string, left: string][] = [
    ["a", "bcd"],
    ["d", "abc"],
    ["bd", "ac"],
    ["db", "ac"],
    ["abcd", ""],
    ["dcba", ""],
    ["aab", "cd"],
  ];
  for (const [deleted, left] of rows) {
    const roster = new Roster<Named>();
    const items = [..."abcd"].map((name) => new Named(name));
    for (const item of items) roster.add(item);
    for (const name of deleted) roster.delete(items.find((item) => item.name === name)!);
    assert.equal(names(roster), left, deleted);
    assert.equal(roster.size, left.length);
    roster.add(items[0]!.place < 0 ? items[0]! : new Named("e"));
    assert.equal(names(roster), [...left, left.includes("a") ? "e" : "a"].sort().join(""), deleted);
  }
});

Deno.test("Roster.delete leaves alone what isn't in it", () => {
  const roster = new Roster<Named>();
  roster.add(new Named("a"));
  roster.delete(new Named("b"));
  assert.equal(names(roster), "a");
});
