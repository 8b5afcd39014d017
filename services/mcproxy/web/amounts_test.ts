import assert from "node:assert/strict";
import { bytesText, countOf, latencyText, niceCeiling, partText, rateText } from "./amounts.ts";

Deno.test("amounts are written with as many digits as people read", () => {
  const rows: [written: string, wanted: string][] = [
    [countOf(1n, "route"), "1 route"],
    [countOf(1234, "route"), "1,234 routes"],
    [bytesText(0), "0 B"],
    [bytesText(999), "999 B"],
    [bytesText(1000), "1.0 kB"],
    [bytesText(999_500n), "1.0 MB"],
    [bytesText(34_400_000), "34 MB"],
    [bytesText(5e15), "5000 TB"],
    [rateText(0), "0"],
    [rateText(0.01), "<0.1"],
    [rateText(0.44), "0.4"],
    [rateText(1234.5), "1,235"],
    [latencyText(0), "–"],
    [latencyText(0.44), "0.4 ms"],
    [latencyText(12.3), "12 ms"],
    [latencyText(1500), "1.5 s"],
    [partText(1, 0), "–"],
    [partText(1n, 100_000n), "<0.1 %"],
    [partText(1, 250), "0.4 %"],
    [partText(3, 3), "100 %"],
    [String(niceCeiling(0.1)), "1"],
    [String(niceCeiling(501)), "1000"],
  ];
  for (const [written, wanted] of rows) assert.equal(written.replaceAll("\u00a0", " "), wanted);
});
