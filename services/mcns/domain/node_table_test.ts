import assert from "node:assert/strict";
import { hashOfKey, LookupName, mixed } from "./lookup_name.ts";
import { NodeTable } from "./node_table.ts";
import { types } from "./rdata/record_type.ts";
import type { RecordSet } from "./record_set.ts";

const zone = "\x07example\x03org\0";
const keyOf = (label: string): string => String.fromCharCode(label.length) + label + zone;
const text = (...data: string[]): RecordSet[] => [{ type: types.TXT, ttlSeconds: 300, data, signatures: [] }];

/** Everything that the table says, against a Map of what was put. */
function check(table: NodeTable, want: ReadonlyMap<string, readonly RecordSet[]>): void {
  assert.equal(table.size, want.size);
  const name = new LookupName();
  for (const [key, sets] of want) {
    assert.deepEqual(table.getByKey(key)?.sets, sets);
    assert.equal(table.get(name.set(`\x01x${key}`), 1)?.key, key, "as the suffix of a longer name");
    assert.equal(table.get(name, 0), undefined);
  }
  assert.deepEqual([...table].map(({ key }) => key).sort(), [...want.keys()].sort());
}

Deno.test("NodeTable holds what was put last, as names and sets of all lengths come and go", () => {
  const table = new NodeTable(zone), want = new Map<string, readonly RecordSet[]>();
  let random = 1;
  const below = (limit: number) => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) % limit;
  for (let step = 0; step < 60_000; step++) {
    const key = keyOf("n".repeat(below(3)) + below(5000));
    if (below(3) === 0) {
      assert.equal(table.delete(key), want.delete(key));
    } else {
      // Most are short; some fill pages by the dozen, and some don't fit into a page.
      const octets = [0, 4, 4, 30, 30, 120, 480, 6000][below(8)]!;
      const sets = octets === 0 ? [] : text(...Array.from({ length: 1 + below(2) }, () => "x".repeat(octets) + step));
      table.put(key, sets);
      want.set(key, sets);
    }
    if (step % 20_000 === 0) check(table, want);
  }
  check(table, want);
  for (const key of [...want.keys()]) assert.ok(table.delete(key));
  check(table, new Map());
});

Deno.test("NodeTable keeps names apart whose hashes are alike, more of them than a page holds", () => {
  const table = new NodeTable(zone), want = new Map<string, readonly RecordSet[]>();
  for (let i = 0; want.size < 300; i++) {
    const key = keyOf(`n${i}`);
    if ((mixed(hashOfKey(key)) & 0x3ff) !== 0x155) continue;
    table.put(key, text(String(i)));
    want.set(key, text(String(i)));
  }
  check(table, want);
  for (const key of [...want.keys()].slice(0, 200)) {
    assert.ok(table.delete(key));
    want.delete(key);
  }
  check(table, want);
});

Deno.test("NodeTable.put leaves what is known of the names below", () => {
  const table = new NodeTable(zone);
  for (const sets of [[], text("x"), text("x".repeat(3000)), text("y")]) {
    table.put(zone, sets);
    table.getByKey(zone)!.countChild(1, sets.length === 0);
  }
  const node = table.getByKey(zone)!;
  assert.deepEqual([node.children, node.hasWildcard, node.key], [4, true, zone]);
  node.countChild(-1, true);
  assert.deepEqual([node.children, node.hasWildcard], [3, false]);
});
