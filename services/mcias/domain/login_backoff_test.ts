import assert from "node:assert/strict";
import { addressGroup } from "./client_address.ts";
import { afterFailure, type Failures, waitMs } from "./login_backoff.ts";

const rule = { free: 3, maxWaitSeconds: 60, forgetSeconds: 3600 };

Deno.test("afterFailure doubles the wait from one second to the ceiling, after the free failures", () => {
  let failures: Failures | undefined;
  const waits: number[] = [];
  for (let i = 0; i < 12; i++) {
    failures = afterFailure(failures, rule, 0);
    waits.push(waitMs(failures, 0) / 1000);
  }
  assert.deepEqual(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

Deno.test("afterFailure stays finite after a million failures", () => {
  assert.equal(afterFailure({ count: 1e6, lastAt: 0, blockedUntil: 0 }, rule, 0).blockedUntil, 60_000);
});

Deno.test("afterFailure starts anew when the last failure is long ago", () => {
  const old: Failures = { count: 9, lastAt: 0, blockedUntil: 60_000 };
  assert.equal(afterFailure(old, rule, 3_599_999).count, 10);
  assert.equal(afterFailure(old, rule, 3_600_000).count, 1);
});

Deno.test("waitMs ends in time, and does not hold anybody when the clock was set back", () => {
  const failures: Failures = { count: 9, lastAt: 1_000, blockedUntil: 61_000 };
  assert.equal(waitMs(failures, 1_000), 60_000);
  assert.equal(waitMs(failures, 60_999), 1);
  assert.equal(waitMs(failures, 61_000), 0);
  assert.equal(waitMs(failures, 999), 0);
  assert.equal(waitMs(undefined, 0), 0);
});

Deno.test("addressGroup takes an IPv4 address or the first 64 bits of an IPv6 one", () => {
  const table: [string, string][] = [
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.1:50412", "127.0.0.1"],
    ["unix", "unix"],
    ["::1", "0:0:0:0::/64"],
    ["[::1]:443", "0:0:0:0::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:0DB8:0:0:ffff:1:2:3", "2001:db8:0:0::/64"],
    ["[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
  ];
  for (const [remote, group] of table) assert.equal(addressGroup(remote), group, remote);
});
