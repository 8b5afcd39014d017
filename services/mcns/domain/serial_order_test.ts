import assert from "node:assert/strict";
import { isNewerSerial } from "./serial_order.ts";

Deno.test("isNewerSerial follows RFC 1982, around the end too", () => {
  for (
    const [a, b, want] of [
      [1, 0, true],
      [0, 1, false],
      [2026112100, 2026112100, false],
      [2026112101, 2026112100, true],
      [0, 0xffff_ffff, true],
      [0xffff_ffff, 0, false],
      [0x7fff_ffff, 0, true],
      // Half the circle apart: no order.
      [0x8000_0000, 0, false],
      [0, 0x8000_0000, false],
      [44, 0xffff_fff0, true],
    ] as const
  ) assert.equal(isNewerSerial(a, b), want, `${a} after ${b}`);
});
