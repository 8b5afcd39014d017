import assert from "node:assert/strict";
import { lengthText, relativeText } from "./time_text.tsx";

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

Deno.test("lengthText says the two largest units", () => {
  const rows: [number, string][] = [
    [0, "0 s"],
    [-5, "0 s"],
    [999, "0 s"],
    [61_000, "1 min 1 s"],
    [hour, "1 h"],
    [hour + 59_000, "1 h"],
    [3 * day + 4 * hour + 5 * minute, "3 d 4 h"],
    [400 * day, "1 y 35 d"],
  ];
  for (const [ms, text] of rows) assert.equal(lengthText(ms), text, String(ms));
});

Deno.test("relativeText says how long ago or ahead by the largest unit", () => {
  const rows: [number, string][] = [
    [0, "now"],
    [-999, "now"],
    [-90 * minute, "1 h ago"],
    [2 * day, "in 2 d"],
  ];
  for (const [ms, text] of rows) assert.equal(relativeText(1e12 + ms, 1e12), text, String(ms));
});
