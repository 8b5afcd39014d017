import assert from "node:assert/strict";
import { parseTtl } from "./record.ts";

Deno.test("parseTtl gives the default for 0 and refuses more than 31 bits", () => {
  assert.equal(parseTtl(0), 300);
  assert.equal(parseTtl(1), 1);
  assert.equal(parseTtl(2147483647), 2147483647);
  for (const wrong of [2147483648, -1, 1.5]) assert.throws(() => parseTtl(wrong), { field: "ttl" });
});
