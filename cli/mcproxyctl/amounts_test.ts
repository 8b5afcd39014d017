import assert from "node:assert/strict";
import {
  bytesText,
  latencyText,
  milliseconds,
  perSecondText,
  rate,
  rateText,
  size,
  sizeText,
  timeText,
} from "./amounts.ts";

// As it is written, and in bytes; null for what is refused.
const sizes: [text: string, bytes: bigint | null, back?: string][] = [
  ["4096", 4096n, "4K"],
  ["1000", 1000n],
  ["512k", 524_288n, "512K"],
  ["20M", 20_971_520n],
  ["1G", 1_073_741_824n],
  ["1025K", 1_049_600n],
  ["0", 0n],
  ["20MB", null],
  ["1.5G", null],
  ["-1", null],
  ["", null],
];
for (const [text, bytes, back = text] of sizes) {
  Deno.test(`size of ${JSON.stringify(text)}`, () => {
    if (bytes === null) return void assert.throws(() => size(text), /must be bytes, or like 512K, 20M, 1G/);
    assert.equal(size(text), bytes);
    assert.equal(sizeText(bytes), back);
  });
}

const times: [text: string, ms: number | null, back?: string][] = [
  ["30", 30_000, "30s"],
  ["500ms", 500],
  ["1m30s", 90_000],
  ["90s", 90_000, "1m30s"],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
  ["0s", 0],
  // More than the API's field holds.
  ["50d", null],
  ["5x", null],
  ["s", null],
  ["1 m", null],
  ["", null],
];
for (const [text, ms, back = text] of times) {
  Deno.test(`milliseconds of ${JSON.stringify(text)}`, () => {
    if (ms === null) return void assert.throws(() => milliseconds(text), /must be seconds, or like 500ms, 30s, 5m/);
    assert.equal(milliseconds(text), ms);
    assert.equal(timeText(ms), back);
  });
}

const rates: [text: string, perSecond: number | null, burst?: number, back?: string][] = [
  ["10/s", 10, 10],
  ["0.5/s", 0.5, 1, "30/m"],
  ["300/m", 5, 300, "5/s"],
  ["100/m", 100 / 60, 100],
  ["1/d", 1 / 86_400, 1],
  ["0.000001/s", 1e-6, 1, "0.000001/s"],
  ["10", null],
  ["10/w", null],
  ["/s", null],
  ["-1/s", null],
];
for (const [text, perSecond, burst, back = text] of rates) {
  Deno.test(`rate of ${JSON.stringify(text)}`, () => {
    if (perSecond === null) return void assert.throws(() => rate(text), /must be like 10\/s, 300\/m, 1000\/h or 5\/d/);
    assert.deepEqual(rate(text), { perSecond, burst });
    assert.equal(rateText(perSecond), back);
  });
}

Deno.test("amounts have two or three digits and their unit", () => {
  assert.deepEqual([0, 999, 1000, 1234, 10_240, 5 * 1024 ** 3, 1e15].map(bytesText), [
    ...["0 B", "999 B", "1.0 KiB", "1.2 KiB", "10 KiB", "5.0 GiB", "909 TiB"],
  ]);
  assert.deepEqual([0, 0.04, 0.06, 1, 9.94, 9.96, 1234.5].map(perSecondText), [
    ...["0", "0", "0.1", "1.0", "9.9", "10", "1235"],
  ]);
  assert.deepEqual([0, 0.42, 12.3, 999, 1500, 61_000].map(latencyText), [
    ...["", "0.4 ms", "12 ms", "999 ms", "1.5 s", "61 s"],
  ]);
});
