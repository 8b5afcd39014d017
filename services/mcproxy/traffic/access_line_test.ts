import assert from "node:assert/strict";
import { accessEntry } from "../testing/access_entry.ts";
import { type AccessEntry, accessLine } from "./access_line.ts";

const start = '{"time":"2026-11-21T08:15:30.125Z","client":"192.0.2.7","listener":"https","hostname":"a.test"';
const passed: Partial<AccessEntry> = {
  ...{ protocol: "l4", method: "", target: "", status: 0, userAgent: "", isTls: false, alpn: "" },
  ...{ requestBytes: 700, responseBytes: 90_000, durationMs: 3_600_000 },
};

Deno.test("accessLine writes a request or a passthrough connection as one JSON object", () => {
  const rows: [differs: Partial<AccessEntry>, line: string][] = [
    [
      {},
      `${start},"method":"GET","path":"/index.html","protocol":"h2","status":200,"request_bytes":0,` +
      `"response_bytes":512,"duration_ms":12.3,"backend":"127.0.0.1:8080","user_agent":"curl/8.14.1","tls":"1.3",` +
      `"alpn":"h2"}`,
    ],
    [
      { rule: "no-bots", status: 403, backend: "", userAgent: "", protocol: "http/1.1", alpn: "http/1.1", isCut: true },
      `${start},"method":"GET","path":"/index.html","protocol":"http/1.1","status":403,"request_bytes":0,` +
      `"response_bytes":512,"duration_ms":12.3,"rule":"no-bots","tls":"1.3","alpn":"http/1.1","cut":true}`,
    ],
    [
      passed,
      `${start},"protocol":"l4","request_bytes":700,"response_bytes":90000,"duration_ms":3600000.0,` +
      `"backend":"127.0.0.1:8080"}`,
    ],
    // Behind a sign-in.
    [
      { user: "ada" },
      `${start},"method":"GET","path":"/index.html","protocol":"h2","status":200,"request_bytes":0,` +
      `"response_bytes":512,"duration_ms":12.3,"backend":"127.0.0.1:8080","user":"ada","user_agent":"curl/8.14.1",` +
      `"tls":"1.3","alpn":"h2"}`,
    ],
    // On port 80.
    [
      { status: 301, backend: "", userAgent: "", protocol: "http/1.1", isTls: false, alpn: "" },
      `${start},"method":"GET","path":"/index.html","protocol":"http/1.1","status":301,"request_bytes":0,` +
      `"response_bytes":512,"duration_ms":12.3}`,
    ],
    // Answered with 400: nothing of it could be read.
    [
      { method: "", target: "", status: 400, backend: "", userAgent: "", protocol: "http/1.1", alpn: "" },
      `${start},"protocol":"http/1.1","status":400,"request_bytes":0,"response_bytes":512,"duration_ms":12.3,` +
      `"tls":"1.3","alpn":""}`,
    ],
  ];
  for (const [differs, line] of rows) {
    const written = accessLine(accessEntry(differs), { format: "json", queries: false });
    assert.equal(written, `${line}\n`);
    JSON.parse(written);
  }
});

Deno.test("accessLine writes the combined format as nginx does", () => {
  const rows: [differs: Partial<AccessEntry>, line: string][] = [
    [{}, '192.0.2.7 - - [21/Nov/2026:08:15:30 +0000] "GET /index.html HTTP/2.0" 200 512 "-" "curl/8.14.1"'],
    [
      { protocol: "http/1.0", userAgent: "", client: "2001:db8::1" },
      '2001:db8::1 - - [21/Nov/2026:08:15:30 +0000] "GET /index.html HTTP/1.0" 200 512 "-" "-"',
    ],
    [
      { user: "ada" },
      '192.0.2.7 - ada [21/Nov/2026:08:15:30 +0000] "GET /index.html HTTP/2.0" 200 512 "-" "curl/8.14.1"',
    ],
    [passed, '192.0.2.7 - - [21/Nov/2026:08:15:30 +0000] "CONNECT a.test L4" 000 90000 "-" "-"'],
    [
      { method: "", target: "", status: 400, userAgent: "" },
      '192.0.2.7 - - [21/Nov/2026:08:15:30 +0000] "-" 400 512 "-" "-"',
    ],
  ];
  for (const [differs, line] of rows) {
    assert.equal(accessLine(accessEntry(differs), { format: "combined", queries: false }), `${line}\n`);
  }
});

Deno.test("accessLine leaves queries out unless they are asked for", () => {
  const entry = accessEntry({ target: "/sign-in?token=secret&next=/?a" });
  for (const format of ["json", "combined"] as const) {
    const without = accessLine(entry, { format, queries: false });
    assert.doesNotMatch(without, /secret|\?/);
    assert.match(without, /\/sign-in/);
  }
  assert.equal(JSON.parse(accessLine(entry, { format: "json", queries: true })).query, "token=secret&next=/?a");
  assert.match(accessLine(entry, { format: "combined", queries: true }), /GET \/sign-in\?token=secret&next=\/\?a HTTP/);
});

Deno.test("accessLine can't be forged: whatever a client sends stays within its field, on its line", () => {
  const evil = '"\\\r\n\t\u0000\u001b[2J\u007f\u0085\u009b\u2028\u2029é","status":200,"x":"';
  const entry = accessEntry({
    target: `/${evil}?`,
    certificate: { subject: evil, fingerprint: "00" },
    ...{ method: evil, userAgent: evil, hostname: evil, requestId: evil, backend: evil, traceparent: evil },
  });
  const json = accessLine(entry, { format: "json", queries: true });
  // deno-lint-ignore no-control-regex -- control characters are exactly what must not be there
  assert.doesNotMatch(json.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
  const read = JSON.parse(json);
  assert.deepEqual([read.user_agent, read.path, read.status, read.x], [evil, `/${evil}`, 200, undefined]);

  const combined = accessLine(entry, { format: "combined", queries: true });
  assert.match(combined.slice(0, -1), /^[ -~]*$/);
  assert.equal(combined.match(/(?<!\\)"/g)?.length, 6);
  assert.match(combined, /\\x22\\x5C\\x0D\\x0A\\x09\\x00\\x1B\[2J\\x7F\\x85\\x9B\?\?\\xE9/);
});

Deno.test("accessLine bounds every text of a client, and takes a trace id only from a well-formed traceparent", () => {
  const long = accessEntry({
    target: `/${"a".repeat(30_000)}?${"b".repeat(30_000)}`,
    userAgent: "c".repeat(30_000),
    certificate: { subject: "d".repeat(30_000), fingerprint: "00" },
  });
  assert.ok(accessLine(long, { format: "json", queries: true }).length < 6000);
  assert.ok(accessLine(long, { format: "combined", queries: true }).length < 6000);
  const traced = (traceparent: string) =>
    JSON.parse(accessLine(accessEntry({ traceparent }), { format: "json", queries: false })).trace_id;
  assert.equal(
    traced("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    "4bf92f3577b34da6a3ce929d0e0e4736",
  );
  for (const bad of ["", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-4bf9-1-01", 'x"\n']) {
    assert.equal(traced(bad), undefined, bad);
  }
});
