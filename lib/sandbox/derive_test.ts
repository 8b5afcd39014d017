import assert from "node:assert/strict";
import { baseFlags, type Declaration, parseDeclaration } from "./mod.ts";

const engineFlag = (declaration: Declaration) =>
  baseFlags(declaration).map(({ flag }) => flag).filter((flag) => flag.startsWith("--v8-flags"));

Deno.test("baseFlags gives the engine one flag, with what the declaration asks for", () => {
  assert.deepEqual(engineFlag({ program: "p" }), ["--v8-flags=--max-old-space-size=256"]);
  assert.deepEqual(engineFlag({ program: "p", memoryMib: 512, singleThreadedGc: true }), [
    "--v8-flags=--max-old-space-size=512,--single-threaded-gc",
  ]);
});

Deno.test("parseDeclaration refuses switches that are neither on nor off", () => {
  for (const key of ["takeover", "singleThreadedGc"]) {
    assert.equal(parseDeclaration({ program: "p", [key]: true })[key as "takeover"], true);
    assert.throws(() => parseDeclaration({ program: "p", [key]: "yes" }), {
      code: "invalid",
      field: `declaration.${key}`,
      message: `declaration.${key}: must be true or false`,
    });
  }
});
