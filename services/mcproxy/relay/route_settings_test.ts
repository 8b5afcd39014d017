import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { errorCodes } from "@lib/http2/mod.ts";
import { H2Backend, H2Client } from "../testing/h2.ts";
import { type TestProxy, testProxy, type TestRoute } from "../testing/proxy.ts";
import { answering, exchange, RawBackend, tlsClient } from "../testing/raw.ts";

const host = "Host: a.test\r\n";

function at(proxy: TestProxy) {
  return { port: proxy.port, hostname: "a.test", ca: proxy.ca };
}

/** Sets a.test (at a path, maybe) to the backend, with settings. */
function put(proxy: TestProxy, port: number, settings: Partial<TestRoute> = {}): void {
  const certificate = (settings.path ?? "/") === "/" ? { tlsCert: "a.pem", tlsKey: "a.key" } : {};
  proxy.put({ hostname: "a.test", mode: "l7", backends: [`127.0.0.1:${port}`], ...certificate, ...settings });
}

/** Status, then the fields that are named, then the body. */
async function asked(proxy: TestProxy, request: string, ...names: string[]): Promise<string> {
  const [line, rest] = [request.split("\r\n")[0]!, request.split("\r\n").slice(1).join("\r\n")];
  const answer = await exchange(at(proxy), `${line}\r\n${host}Connection: close\r\n${rest}\r\n`);
  const [head, ...body] = answer.split("\r\n\r\n");
  const fields = names.flatMap((name) => new RegExp(`^${name}: .*$`, "im").exec(head!)?.[0] ?? []);
  return [head!.split(" ")[1], ...fields, body.join("\r\n\r\n")].join("|");
}

Deno.test("Exchange redirects and rests for maintenance without a backend", async () => {
  await using proxy = await testProxy("", { a: ["a.test"] });
  put(proxy, 1, { backends: [], maintenance: "Zurück um zwölf" });
  assert.equal(
    await asked(proxy, "GET / HTTP/1.1\r\n", "Retry-After"),
    `503|retry-after: 60|${String.fromCharCode(...new TextEncoder().encode("Zurück um zwölf\n"))}`,
  );
  const rows: [to: string, target: string, location: string][] = [
    ["https://b.test{uri}", "/x?y=z", "https://b.test/x?y=z"],
    ["https://{host}:8443{uri}", "/", "https://a.test:8443/"],
    ["https://b.test/fixed", "/x", "https://b.test/fixed"],
    ["/new", "/old", "/new"],
    ["https://b.test{uri}#", "/a$$b?c=$&d=$'e=$`", "https://b.test/a$$b?c=$&d=$'e=$`#"],
    // What follows two slashes would be another host.
    ["/{uri}", "//evil.test/", "/evil.test/"],
    ["/{uri}", "/\\evil.test/", "/evil.test/"],
  ];
  for (const [to, target, location] of rows) {
    put(proxy, 1, { backends: [], redirect: { status: 308, to } });
    assert.equal(
      await asked(proxy, `GET ${target} HTTP/1.1\r\n`, "Location"),
      `308|location: ${location}|308 Permanent Redirect: ${location}\n`,
    );
  }
  await using client = await H2Client.connect(at(proxy));
  const answer = await client.ask({ path: "//evil.test", method: "POST", body: ["x".repeat(1_000_000)] });
  assert.deepEqual([answer.status, answer.fields[0]], [308, "location: /evil.test"]);
});

Deno.test("Exchange strips a route's path however it is written, and says so", async () => {
  const heads: string[] = [];
  await using backend = answering("ok", heads);
  await using proxy = await testProxy("", { a: ["a.test"] });
  put(proxy, backend.port);
  put(proxy, backend.port, { path: "/api/v1", stripPath: true });
  const rows: [target: string, passed: string, prefix: boolean][] = [
    ["/api/v1", "/", true],
    ["/api/v1/", "/", true],
    ["/api/v1?q=/api/v1", "/?q=/api/v1", true],
    ["/api/v1/x%2Fy?z", "/x%2Fy?z", true],
    ["/api/v1//evil.test", "/evil.test", true],
    ["/api/%761/x", "/x", true],
    ["//api/v1/x?y", "/x?y", true],
    ["/api/v10", "/api/v10", false],
    ["/api", "/api", false],
  ];
  for (const [target, passed, prefix] of rows) {
    heads.length = 0;
    await asked(proxy, `GET ${target} HTTP/1.1\r\nX-Forwarded-Prefix: /mine\r\n`);
    assert.equal(heads[0]!.split(" ")[1], passed, target);
    assert.equal(
      /^X-Forwarded-Prefix: .*$/m.exec(heads[0]!)?.[0].trim(),
      prefix ? "X-Forwarded-Prefix: /api/v1" : undefined,
    );
  }
});

Deno.test("Exchange edits fields of requests and responses, and no field that the client drops escapes it", async () => {
  const heads: string[] = [];
  await using backend = new RawBackend(async (connection) => {
    heads.push(await connection.until("\r\n\r\n"));
    await connection.send(
      "HTTP/1.1 200 OK\r\nDate: D\r\nServer: secret/1.0\r\nX-Powered-By: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n" +
        "Connection: X-Frame-Options\r\nContent-Length: 0\r\n\r\n",
    );
  });
  await using proxy = await testProxy("", { a: ["a.test"] });
  put(proxy, backend.port, {
    requestHeaders: [
      { op: "set", name: "X-Role", value: "guest" },
      { op: "add", name: "X-More", value: "2" },
      { op: "remove", name: "Cookie", value: "" },
    ],
    responseHeaders: [
      { op: "set", name: "X-Frame-Options", value: "DENY" },
      { op: "remove", name: "Server", value: "" },
      { op: "remove", name: "X-Powered-By", value: "" },
      { op: "add", name: "Set-Cookie", value: "c" },
    ],
  });
  const answer = await exchange(
    at(proxy),
    `GET / HTTP/1.1\r\n${host}X-Role: admin\r\nx-role: root\r\nX-More: 1\r\nCookie: s\r\nConnection: close, X-Role\r\n\r\n`,
  );
  assert.equal(
    heads[0],
    "GET / HTTP/1.1\r\nHost: a.test\r\nX-More: 1\r\nx-role: guest\r\nx-more: 2\r\n" +
      'Forwarded: for=127.0.0.1;host="a.test";proto=https\r\nX-Forwarded-For: 127.0.0.1\r\n' +
      "X-Forwarded-Host: a.test\r\nX-Forwarded-Proto: https\r\nVia: 1.1 mcproxy\r\n\r\n",
  );
  assert.equal(
    answer,
    "HTTP/1.1 200 OK\r\nDate: D\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\nx-frame-options: DENY\r\n" +
      "set-cookie: c\r\nConnection: close\r\n\r\n",
  );
});

Deno.test("Exchange bounds bodies by the route: by their length before the backend hears of them, or as they come", async () => {
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.until("0\r\n\r\n");
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  await using proxy = await testProxy("", { a: ["a.test"] });
  put(proxy, backend.port, { maxBodyBytes: 10 });
  const large = "413|413 Content Too Large: the request's body is larger than 10 bytes\n";
  assert.equal(await asked(proxy, "PUT / HTTP/1.1\r\nContent-Length: 11\r\nExpect: 100-continue\r\n"), large);
  assert.equal(backend.accepted, 0);
  assert.equal(
    await asked(proxy, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n"),
    large,
  );
  assert.equal(
    await asked(proxy, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n"),
    "200|",
  );
  await using client = await H2Client.connect(at(proxy));
  const announced = await client.ask({ method: "PUT", fields: ["content-length", "11"], body: ["01234567890"] });
  assert.deepEqual([announced.status, announced.reset], [413, ""]);
  const streamed = await client.ask({ method: "PUT", body: ["012345", "67890"] });
  assert.deepEqual([streamed.status, streamed.reset], [413, ""]);
  assert.equal((await client.ask({ method: "PUT", body: ["01234", "56789"] })).status, 200);
});

Deno.test("Exchange waits for an answer as long as the route says", async () => {
  await using backend = new RawBackend(async (connection) => void await connection.rest());
  await using proxy = await testProxy("", { a: ["a.test"] });
  put(proxy, backend.port, { responseTimeoutMs: 200 });
  assert.match(await asked(proxy, "GET / HTTP/1.1\r\n"), /^504\|/);
});

/** A text that is worth compressing. */
const text = "The quick brown fox jumps over the lazy dog. ".repeat(100);
const typed = "Content-Type: text/html; charset=utf-8\r\n";

Deno.test("Exchange compresses text for clients that take it, and nothing else", async () => {
  const length = `Content-Length: ${text.length}\r\n`;
  const gzip = "Accept-Encoding: br;q=1.0, gzip;q=0.8\r\n";
  const rows: [remark: string, request: string, response: string, compressed: boolean, vary: boolean][] = [
    ["text", gzip, typed + length, true, true],
    ["json", gzip, `Content-Type: application/problem+json\r\n${length}`, true, true],
    ["any", "Accept-Encoding: *\r\n", typed + length, true, true],
    ["x-gzip", "Accept-Encoding: x-gzip\r\n", typed + length, true, true],
    ["not asked for", "", typed + length, false, true],
    ["refused", "Accept-Encoding: gzip;q=0, *\r\n", typed + length, false, true],
    ["refused by *", "Accept-Encoding: *;q=0.000\r\n", typed + length, false, true],
    ["image", gzip, `Content-Type: image/png\r\n${length}`, false, false],
    ["no type", gzip, length, false, false],
    ["events", gzip, `Content-Type: text/event-stream\r\n${length}`, false, false],
    ["encoded", gzip, `${typed}Content-Encoding: br\r\n${length}`, false, false],
    ["no-transform", gzip, `${typed}Cache-Control: public, no-transform\r\n${length}`, false, false],
    ["a range", gzip, `${typed}Content-Range: bytes 0-9/10\r\n${length}`, false, false],
  ];
  let next = "";
  await using backend = new RawBackend(async (connection) => {
    for (;;) {
      await connection.until("\r\n\r\n");
      await connection.send(`HTTP/1.1 200 OK\r\n${next}\r\n${text}`);
    }
  });
  await using proxy = await testProxy("", { a: ["a.test"] });
  put(proxy, backend.port, { compress: true });
  await using client = await H2Client.connect(at(proxy));
  for (const [remark, request, response, compressed, vary] of rows) {
    next = `${response}Vary: Origin\r\nETag: "abc"\r\nAccept-Ranges: bytes\r\n`;
    const fields = request === "" ? [] : ["accept-encoding", request.slice(request.indexOf(":") + 2, -2)];
    const answer = await client.ask({ fields });
    const body = Uint8Array.from(answer.body, (one) => one.charCodeAt(0));
    assert.equal(new TextDecoder().decode(compressed ? gunzipSync(body) : body), text, remark);
    assert.equal(answer.fields.includes("content-encoding: gzip"), compressed, remark);
    assert.equal(answer.fields.includes("vary: accept-encoding"), vary, remark);
    assert.equal(answer.fields.includes('etag: W/"abc"'), compressed, remark);
    assert.equal(answer.fields.some((field) => field.startsWith("content-length")), !compressed, remark);
    assert.ok(!compressed || body.length < text.length / 10);
  }
  next = typed + length;
  assert.equal((await client.ask({ method: "HEAD", fields: ["accept-encoding", "gzip"] })).body, "");
  assert.match(
    await asked(proxy, `GET / HTTP/1.1\r\n${gzip}`, "Transfer-Encoding"),
    /^200\|Transfer-Encoding: chunked\|/,
  );
});

Deno.test("Exchange lets compressed lines through as they are written, and cuts when the backend breaks off", async () => {
  const line = Promise.withResolvers<void>();
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send(`HTTP/1.1 200 OK\r\n${typed}Transfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n`);
    await line.promise;
    await connection.send("4\r\ntwo\n\r\n");
  });
  await using proxy = await testProxy("", { a: ["a.test"] });
  put(proxy, backend.port, { compress: true });
  await using client = await H2Client.connect(at(proxy));
  const stream = client.open({ fields: ["accept-encoding", "gzip"] }, true);
  await stream.response();
  const unzip = new DecompressionStream("gzip");
  const writer = unzip.writable.getWriter();
  const reader = unzip.readable.pipeThrough(new TextDecoderStream()).getReader();
  const feed = async () => {
    for (;;) await writer.write((await stream.read())!.slice());
  };
  const fed = feed();
  assert.equal((await reader.read()).value, "one\n");
  line.resolve();
  assert.equal((await reader.read()).value, "two\n");
  await assert.rejects(fed, /was reset with code 2/);
  await writer.abort().catch(() => {});
  await reader.cancel().catch(() => {});
});

Deno.test("Exchange keeps nothing of a compressed response that its client breaks off", async () => {
  await using backend = new H2Backend(async (stream) => {
    stream.respond(200, ["content-type", "text/plain"], false);
    await stream.write(new Uint8Array(5000).fill(97));
  });
  await using proxy = await testProxy("", { a: ["a.test"] });
  put(proxy, backend.port, { compress: true, backendProtocol: "h2c" });
  await using client = await H2Client.connect(at(proxy));
  const breakOff = async (times: number) => {
    for (let time = 0; time < times; time++) {
      const stream = client.open({ fields: ["accept-encoding", "gzip"] }, true);
      assert.equal((await stream.response()).fields.includes("content-encoding"), true);
      assert.ok(await stream.read() !== null);
      stream.reset(errorCodes.cancel);
    }
  };
  await breakOff(50);
  const before = Deno.memoryUsage().rss;
  await breakOff(500);
  // An engine each would be 105 MiB.
  const more = (Deno.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(more < 50, `${more} MiB`);
});

Deno.test("BackendPool sends the PROXY header that the route asks for, each client's on connections of its own", async () => {
  const heads: string[] = [];
  await using backend = new RawBackend(async (connection) => {
    heads.push(await connection.until("\r\n"));
    for (;;) {
      await connection.until("\r\n\r\n");
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  await using proxy = await testProxy("", { a: ["a.test"] });
  put(proxy, backend.port, { sendProxyProtocol: "v1" });
  const ports: string[] = [];
  for (let round = 0; round < 2; round++) {
    using client = await tlsClient(at(proxy));
    ports.push(String((client.conn.localAddr as Deno.NetAddr).port));
    for (let request = 0; request < 3; request++) {
      await client.send(`GET / HTTP/1.1\r\n${host}\r\n`);
      assert.match(await client.message(), /ok$/);
    }
  }
  assert.deepEqual(heads, ports.map((port) => `PROXY TCP4 127.0.0.1 127.0.0.1 ${port} ${proxy.port}\r\n`));
});
