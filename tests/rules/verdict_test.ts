import assert from "node:assert/strict";
import { moduleGraph, reachedFrom } from "./module_graph.ts";
import { lookInto } from "./syntax.ts";
import { assertKept } from "./verdict.ts";

const todo = "name it for the one thing that it holds";

Deno.test("assertKept names every place as file:line, and what to do", () => {
  const breaches = [{ file: "lib/a.ts", line: 3, found: "x" }, { file: "lib/b.ts", line: 14, found: "y" }];
  const message = `${todo}\n  lib/a.ts:3: x\n  lib/b.ts:14: y`;
  assert.throws(() => assertKept({ looked: 2, atLeast: 2, breaches, todo }), { message });
});

Deno.test("assertKept fails a rule that has looked at too little", () => {
  assertKept({ looked: 10, atLeast: 10, breaches: [], todo });
  assert.throws(() => assertKept({ looked: 9, atLeast: 10, breaches: [], todo }), /looked at 9 things .* at least 10/);
});

Deno.test("moduleGraph tells values from types, and gives the line and the words of each import", async () => {
  const { edges, broken } = await moduleGraph(["tests/rules/module_graph.ts"]);
  const own = edges.filter(({ from, to }) => from === "tests/rules/module_graph.ts" && to.startsWith("tests/"));
  assert.deepEqual(own.map(({ to, kind, specifier }) => [to, kind, specifier]), [
    ["tests/rules/verdict.ts", "type", "./verdict.ts"],
    ["tests/rules/source_tree.ts", "value", "./source_tree.ts"],
  ]);
  assert.deepEqual(broken, []);
  const reached = reachedFrom(["tests/rules/module_graph.ts"], edges);
  assert.ok(reached.has("tests/rules/source_tree.ts") && !reached.has("tests/rules/verdict_test.ts"));
});

Deno.test("lookInto reports by line, and tells names from strings and comments", () => {
  const text = '// é Deno\nconst a = "Deno";\nconst b = Deno;\n';
  const found = lookInto("example.ts", (look) => ({
    Identifier(node) {
      if (node.name === "Deno") look.report(node, node.name);
    },
  }), text);
  assert.deepEqual(found, [{ file: "example.ts", line: 3, found: "Deno" }]);
});
