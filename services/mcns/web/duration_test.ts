import assert from "node:assert/strict";
import { parseSeconds, secondsText } from "./duration.ts";

Deno.test("parseSeconds reads seconds and units, and says what it takes", () => {
  const rows: [string, number][] = [
    ["", 42],
    [" 300 ", 300],
    ["0", 0],
    ["5m", 300],
    ["1h30m", 5400],
    ["1 H 30 m", 5400],
    ["2d", 172_800],
    ["1w", 604_800],
  ];
  for (const [text, want] of rows) assert.equal(parseSeconds(text, "ttl", 42), want, text);
  for (const text of ["x", "5 minutes", "-1", "1.5h", "1h30", "99999999999", "3000000000", "9999999999w"]) {
    assert.throws(() => parseSeconds(text, "ttl", 0), { code: "invalid", field: "ttl" }, text);
  }
});

Deno.test("secondsText uses the largest unit that fits evenly", () => {
  const rows: [number, string][] = [[0, "0 s"], [59, "59 s"], [300, "5 min"], [5400, "90 min"], [604_800, "1 w"]];
  for (const [value, text] of rows) assert.equal(secondsText(value), text);
});
