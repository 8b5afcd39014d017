import assert from "node:assert/strict";
import { type HealthCheckInput, isExpected, parseHealthCheck } from "./health_check.ts";

const given: HealthCheckInput = { path: "/up", intervalMs: 0, timeoutMs: 0 };
const plain = { path: "/up", intervalMs: 5000, timeoutMs: 2000 };

Deno.test("parseHealthCheck keeps what is asked for, and leaves out what isn't", () => {
  const rows: [change: Partial<HealthCheckInput>, made: object][] = [
    [{}, plain],
    [{ expectedStatuses: [], host: "" }, plain],
    [{ intervalMs: 1000, timeoutMs: 1000 }, { ...plain, intervalMs: 1000, timeoutMs: 1000 }],
    [{ intervalMs: 1500 }, { ...plain, intervalMs: 1500, timeoutMs: 1500 }],
    [{ expectedStatuses: ["204", "401-403"] }, { ...plain, expectedStatuses: ["204", "401-403"] }],
    [{ host: "Up.Example.org" }, { ...plain, host: "up.example.org" }],
    [{ host: "my_app:8080" }, { ...plain, host: "my_app:8080" }],
    [{ host: "192.0.2.1" }, { ...plain, host: "192.0.2.1" }],
    [{ host: "[2001:db8::1]:80" }, { ...plain, host: "[2001:db8::1]:80" }],
  ];
  for (const [change, made] of rows) assert.deepEqual(parseHealthCheck({ ...given, ...change }), made);
  assert.equal(parseHealthCheck(undefined), null);
});

Deno.test("parseHealthCheck refuses what can't be meant, with the rule and the value", () => {
  const status = (text: string) => `expected_statuses must be from 200 to 599, like "204" or "200-299", got "${text}"`;
  const host = (text: string) => `host must be a host with or without a port, got "${text}"`;
  const rows: [change: Partial<HealthCheckInput>, message: string][] = [
    [{ expectedStatuses: ["2xx"] }, status("2xx")],
    [{ expectedStatuses: ["200", "101"] }, status("101")],
    [{ expectedStatuses: ["600"] }, status("600")],
    [{ expectedStatuses: ["299-200"] }, status("299-200")],
    [{ expectedStatuses: ["200 - 299"] }, status("200 - 299")],
    [{ expectedStatuses: Array(17).fill("200") }, "expected_statuses takes at most 16, got 17"],
    [{ host: "a b" }, host("a b")],
    [{ host: "a\r\nx: y" }, 'host must be a host with or without a port, got "a\\r\\nx: y"'],
    [{ host: "a/b" }, host("a/b")],
    [{ host: "user@a" }, host("user@a")],
    [{ host: "a:0" }, host("a:0")],
    [{ host: "a:70000" }, host("a:70000")],
    [{ host: "2001:db8::1" }, host("2001:db8::1")],
    [{ path: "", expectedStatuses: ["200"] }, "expected_statuses needs a path: a connection alone has none"],
    [{ path: "", host: "a" }, "host needs a path: a connection alone has none"],
    [{ timeoutMs: 5001 }, "timeout_ms (5001) must not be longer than interval_ms (5000)"],
    [{ intervalMs: 999 }, "interval_ms must be from 1000 to 3600000, got 999"],
  ];
  for (const [change, message] of rows) {
    assert.throws(() => parseHealthCheck({ ...given, ...change }), {
      code: "invalid",
      field: "health_check",
      message: `health_check: ${message}`,
    });
  }
});

Deno.test("isExpected takes 200 to 399, or what the check names and nothing else", () => {
  const rows: [expectedStatuses: string[] | undefined, well: number[], ill: number[]][] = [
    [undefined, [200, 204, 302, 399], [400, 404, 500]],
    [["204"], [204], [200, 205]],
    [["200-299", "401", "403-404"], [200, 299, 401, 403, 404], [300, 399, 400, 402, 405, 503]],
    [["503"], [503], [200]],
  ];
  for (const [expectedStatuses, well, ill] of rows) {
    const check = { ...plain, ...(expectedStatuses === undefined ? {} : { expectedStatuses }) };
    for (const status of well) assert.equal(isExpected(check, status), true, `${expectedStatuses}: ${status}`);
    for (const status of ill) assert.equal(isExpected(check, status), false, `${expectedStatuses}: ${status}`);
  }
});
