import assert from "node:assert/strict";
import { expiryOf, nextTrySeconds } from "./refresh_schedule.ts";

const soa = { refresh: 3600, retry: 600, expire: 604_800, minimum: 300 };

Deno.test("nextTrySeconds refreshes, retries, and is in no hurry where there is nothing yet", () => {
  for (
    const [times, failures, random, want] of [
      [soa, 0, 0, 3600],
      [soa, 0, 1, 3240],
      [soa, 1, 0, 600],
      [soa, 9, 0.5, 570],
      [{ ...soa, refresh: 0 }, 0, 0, 1],
      [{ ...soa, refresh: 2 ** 31 }, 0, 0, 2_147_483],
      [null, 1, 0, 5],
      [null, 2, 0, 10],
      [null, 50, 0, 600],
    ] as const
  ) assert.equal(nextTrySeconds(times, failures, random), want, `${JSON.stringify(times)} ${failures} ${random}`);
});

Deno.test("expiryOf is the SOA's expire, and never before the next try", () => {
  assert.equal(expiryOf(soa, 5000), 5000 + 604_800_000);
  assert.equal(expiryOf({ ...soa, expire: 10 }, 0), 4_200_000);
});
