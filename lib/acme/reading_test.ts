/** What a server sends, as tables: directories, problems, Retry-After, renewal information. */
import assert from "node:assert/strict";
import { PlatformError } from "@lib/errors/mod.ts";
import { readDirectory, requireOrigin } from "./directory.ts";
import { problemError, problemText, readProblem } from "./problem.ts";
import { readWindow } from "./renewal.ts";
import { retryAfterSeconds } from "./retry_after.ts";

const origin = "https://ca.example:8443";

Deno.test("requireOrigin takes URLs of the directory's own scheme, name and port", () => {
  const rows: [unknown, string | null][] = [
    ["https://ca.example:8443/order/1?x=y", "https://ca.example:8443/order/1?x=y"],
    ["https://CA.example:8443/a/../b", "https://ca.example:8443/b"],
    ["https://ca.example/order", null],
    ["http://ca.example:8443/order", null],
    ["https://ca.example:8443@evil.example/", null],
    ["https://ca.example.evil.example:8443/", null],
    ["//ca.example:8443/order", null],
    ["/order", null],
    ["", null],
    [undefined, null],
    [["https://ca.example:8443/"], null],
  ];
  for (const [url, expected] of rows) {
    if (expected === null) assert.throws(() => requireOrigin(url, origin, "x"), { code: "conflict" }, String(url));
    else assert.equal(requireOrigin(url, origin, "x"), expected);
  }
});

Deno.test("readDirectory needs what every order needs, and takes the rest where it is", () => {
  const least = { newNonce: `${origin}/n`, newAccount: `${origin}/a`, newOrder: `${origin}/o` };
  assert.deepEqual(readDirectory(least, origin), {
    ...least,
    revokeCert: "",
    keyChange: "",
    renewalInfo: "",
    termsOfService: "",
    externalAccountRequired: false,
  });
  for (const name of Object.keys(least)) {
    assert.throws(() => readDirectory({ ...least, [name]: undefined }, origin), new RegExp(`no URL for ${name}`));
  }
  assert.throws(() => readDirectory({ ...least, renewalInfo: "https://elsewhere.example/" }, origin), /renewalInfo/);
  for (const odd of [null, 7, "x", [], { meta: 7 }]) {
    assert.throws(() => readDirectory(odd, origin), { code: "conflict" });
  }
});

Deno.test("retryAfterSeconds reads seconds and dates, and nothing else", () => {
  const now = Date.UTC(2026, 0, 1);
  const rows: [string | null, number | null][] = [
    ["0", 0],
    [" 120 ", 120],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60],
    ["Wed, 31 Dec 2025 23:59:00 GMT", 0],
    ["-5", null],
    ["1.5", null],
    ["soon", null],
    ["99999999999", null],
    ["", null],
    [null, null],
  ];
  for (const [value, expected] of rows) {
    assert.equal(
      retryAfterSeconds(new Headers(value === null ? {} : { "retry-after": value }), now),
      expected,
      `${value}`,
    );
  }
});

Deno.test("readProblem keeps text to one line of bounded length, and survives anything", () => {
  const urn = "urn:ietf:params:acme:error:";
  const rows: [unknown, string][] = [
    [{ type: `${urn}dns`, detail: "no\r\nsuch\u2028name\x1b[31m" }, "dns: no such name [31m"],
    [{ type: "about:blank", detail: "x" }, "about:blank: x"],
    [{ type: 7, detail: {} }, "no reason given"],
    [{ detail: "x".repeat(1000) }, `${"x".repeat(499)}…`],
    [{ type: `${urn}malformed`, subproblems: "no list" }, "malformed"],
    [
      {
        type: `${urn}compound`,
        detail: "two",
        subproblems: [
          { type: `${urn}caa`, detail: "forbidden", identifier: { type: "dns", value: "a.example" } },
          { type: `${urn}dns`, subproblems: [{ type: "never shown" }] },
        ],
      },
      'compound: two ("a.example" caa: forbidden; dns)',
    ],
    [null, "no reason given"],
    ["text", "no reason given"],
    [[], "no reason given"],
  ];
  for (const [value, expected] of rows) assert.equal(problemText(readProblem(value)), expected);
  assert.equal(readProblem({ subproblems: Array(500).fill({}) }).subproblems.length, 20);
});

Deno.test("problemError goes by the type, then by the status", () => {
  const rows: [string, number, PlatformError["code"]][] = [
    ["rateLimited", 429, "rate_limited"],
    ["accountDoesNotExist", 400, "not_found"],
    ["badNonce", 400, "unavailable"],
    ["serverInternal", 500, "unavailable"],
    ["rejectedIdentifier", 400, "denied"],
    ["somethingNew", 403, "conflict"],
    ["", 502, "unavailable"],
    ["", 429, "rate_limited"],
    ["", 404, "not_found"],
    ["toString", 400, "conflict"],
  ];
  for (const [type, status, code] of rows) {
    const problem = { type, detail: "", identifier: "", subproblems: [] };
    const error = problemError("It failed", status, problem, 9);
    assert.deepEqual([error.code, error.rule ?? "", error.retryAfterSeconds], [code, type, 9], type);
  }
});

Deno.test("readWindow wants two dates in their order", () => {
  const window = (start: unknown, end: unknown) => readWindow({ suggestedWindow: { start, end } });
  assert.deepEqual(window("2026-01-02T04:00:00Z", "2026-01-03T04:00:00+01:00"), {
    start: new Date("2026-01-02T04:00:00Z"),
    end: new Date("2026-01-03T03:00:00Z"),
    explanationUrl: "",
  });
  assert.equal(window("2026-01-02T04:00:00Z", "2026-01-02T04:00:00Z"), null);
  assert.equal(window("2026-01-02T04:00:00Z", "2026-01-01T04:00:00Z"), null);
  assert.equal(window("tomorrow", "2026-01-01T04:00:00Z"), null);
  for (const odd of [null, 7, {}, { suggestedWindow: null }, { suggestedWindow: "x" }]) {
    assert.equal(readWindow(odd), null);
  }
});
