import assert from "node:assert/strict";
import { nextSerial } from "./serial.ts";

Deno.test("nextSerial is today's number or one more, never less", () => {
  const noon = Date.UTC(2026, 10, 21, 12);
  for (
    const [current, at, want, remark] of [
      [0, noon, 2026112100, "first ever"],
      [2026112000, noon, 2026112100, "first of the day"],
      [2026112100, noon, 2026112101, "second of the day"],
      [2026112199, noon, 2026112200, "hundredth change: on into tomorrow's numbers"],
      [2026112200, Date.UTC(2026, 10, 22), 2026112201, "the next day continues there"],
      [2026112103, Date.UTC(2020, 0, 1), 2026112104, "clock set back"],
    ] as const
  ) assert.equal(nextSerial(current, at), want, remark);
});
