import assert from "node:assert/strict";
import { l7Route, type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering, exchange, RawBackend, tlsClient } from "../testing/raw.ts";

const host = "Host: a.test\r\n";

/** A proxy with one L7 route, a.test, to the backend. */
function proxyTo(port: number, toml = ""): Promise<TestProxy> {
  return testProxy(toml + l7Route("a.test", "a", port), { a: ["a.test"] });
}

function at(proxy: TestProxy) {
  return { port: proxy.port, hostname: "a.test", ca: proxy.ca };
}

/** The fields of a head, without Date, which differs from run to run. */
function withoutDate(text: string): string {
  return text.replaceAll(/^Date: [^\r]*\r\n/gm, "");
}

/** What the proxy adds to a request of this machine's. */
const added = 'Forwarded: for=127.0.0.1;host="a.test";proto=https\r\nX-Forwarded-For: 127.0.0.1\r\n' +
  "X-Forwarded-Host: a.test\r\nX-Forwarded-Proto: https\r\nVia: 1.1 mcproxy\r\n\r\n";

Deno.test("Session answers a bad request itself and closes; the backend sees nothing of it", async () => {
  await using backend = answering("never");
  await using proxy = await proxyTo(backend.port);
  const rows: [request: string, status: string, detail: string][] = [
    [
      `POST / HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n`,
      "400 Bad Request",
      "both Transfer-Encoding and Content-Length",
    ],
    [`GET / HTTP/1.1\r\n${host}Host: b.test\r\n\r\n`, "400 Bad Request", "more than one Host"],
    [`GET / HTTP/1.1\r\n${host}A: b\n\r\n`, "400 Bad Request", "line feed without carriage return"],
    [`GET / HTTP/1.1\r\nHost: b.test\r\n\r\n`, "421 Misdirected Request", "Host is not the name of this connection"],
    [
      `GET / HTTP/1.1\r\n${host}A: ${"b".repeat(40_000)}\r\n\r\n`,
      "431 Request Header Fields Too Large",
      "head larger than 32768 bytes",
    ],
    [
      `GET / HTTP/1.1\r\n${host}${"A: b\r\n".repeat(100)}\r\n`,
      "431 Request Header Fields Too Large",
      "more than 100 fields",
    ],
    [`GET / HTTP/3.0\r\n${host}\r\n`, "505 HTTP Version Not Supported", "HTTP version other than 1.0 and 1.1"],
    [`CONNECT a.test:1 HTTP/1.1\r\n${host}\r\n`, "501 Not Implemented", "method CONNECT"],
  ];
  for (const [request, status, detail] of rows) {
    const body = `${status}: ${detail}\n`;
    assert.equal(
      withoutDate(await exchange(at(proxy), request)),
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n` +
        `Cache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
      request.slice(0, 200),
    );
  }
  assert.equal(backend.accepted, 0);
});

Deno.test("Session answers a malformed chunked body with 400, and the backend can tell its body is incomplete", async () => {
  const { promise: begun, resolve: hasBegun } = Promise.withResolvers<void>();
  const { promise: ended, resolve: hasEnded } = Promise.withResolvers<string>();
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n3\r\nabc\r\n");
    hasBegun();
    hasEnded(await connection.rest());
  });
  await using proxy = await proxyTo(backend.port);
  using client = await tlsClient(at(proxy));
  await client.send(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
  await begun;
  await client.send("5 \r\nhello\r\n0\r\n\r\n");
  assert.match(
    await client.rest(),
    /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n400 Bad Request: chunk size is not hexadecimal\n$/,
  );
  assert.equal(await ended, "");
});

Deno.test("Session drops what a client says about itself and hop-by-hop fields, and says who it is", async () => {
  const heads: string[] = [];
  await using backend = answering("ok", heads);
  await using proxy = await proxyTo(backend.port);
  await exchange(
    at(proxy),
    `GET /p?q HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-PROTO: http\r\nX_Forwarded_For: 6.6.6.6\r\n` +
      "Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Anything: x\r\nClient-Cert: :AA==:\r\nClient_Cert_Chain: :AA==:\r\nVia: 1.0 fred\r\nKeep-Alive: 5\r\n" +
      "Proxy-Authorization: x\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nTE: trailers, gzip\r\n" +
      "Connection: close, X-Mine\r\nX-Mine: 1\r\nX-Yours: 2\r\nCookie: a=b\r\nAccept: \xe4\r\n\r\n",
  );
  assert.deepEqual(heads, [
    "GET /p?q HTTP/1.1\r\nHost: a.test\r\nX-Yours: 2\r\nCookie: a=b\r\nAccept: \xe4\r\nTE: trailers\r\nConnection: TE\r\n" +
    added.replace("Via: 1.1 mcproxy", "Via: 1.0 fred, 1.1 mcproxy"),
  ]);
});

Deno.test("Session serves pipelined requests in order over one backend connection, bodies included", async () => {
  const heads: string[] = [];
  await using backend = answering((head) => head.slice(head.indexOf("\r\n\r\n") + 4) || head.split(" ")[1]!, heads);
  await using proxy = await proxyTo(backend.port);
  const answer = await exchange(
    at(proxy),
    `GET /1 HTTP/1.1\r\n${host}\r\nPOST /2 HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\ntwo!!` +
      `\r\nGET /3 HTTP/1.1\r\n${host}\r\nGET /4 HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
  );
  const bodies = answer.split(/HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n/).slice(1);
  assert.deepEqual(bodies, ["/1", "two!!", "/3", "/4"]);
  assert.equal(backend.accepted, 1);
});

Deno.test("Session encodes chunked bodies anew in both directions and passes trailers that may pass", async () => {
  const seen: string[] = [];
  await using backend = new RawBackend(async (connection) => {
    seen.push(await connection.until("\r\n\r\n"), await connection.until("0\r\n"), await connection.until("\r\n\r\n"));
    await connection.send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nDate: D\r\n\r\n4;x=y\r\nback\r\n0\r\nX-Sum: 9\r\nContent-Length: 3\r\n\r\n",
    );
    await connection.rest();
  });
  await using proxy = await proxyTo(backend.port);
  const answer = await exchange(
    at(proxy),
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: Chunked\r\nConnection: close\r\n\r\n` +
      "0003;ext=1\r\nabc\r\n2\r\nde\r\n00\r\nX-Check: 1\r\nX-Forwarded-For: 6.6.6.6\r\nHost: b\r\nTransfer-Encoding: x\r\n\r\n",
  );
  assert.deepEqual(seen, [
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n${added}`,
    "5\r\nabcde\r\n0\r\n",
    "X-Check: 1\r\n\r\n",
  ]);
  assert.equal(
    answer,
    "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nDate: D\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
      "4\r\nback\r\n0\r\nX-Sum: 9\r\n\r\n",
  );
});

Deno.test("Session frames responses for the client: status, method and version decide", async () => {
  const rows: [request: string, response: string, expected: string][] = [
    // Until the backend closes: chunks for HTTP/1.1, and the connection stays.
    [
      "GET / HTTP/1.1",
      "HTTP/1.1 200 OK\r\nDate: D\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
    [
      "GET / HTTP/1.1",
      "HTTP/1.0 200\r\nDate: D\r\n\r\nabc",
      "HTTP/1.1 200 \r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
    // No chunks for HTTP/1.0: the end of the connection is the end.
    [
      "GET / HTTP/1.0",
      "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\n\r\nabc",
    ],
    [
      "GET / HTTP/1.0\r\nConnection: keep-alive",
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
    ],
    [
      "HEAD / HTTP/1.1",
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 99\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 99\r\n\r\n",
    ],
    [
      "HEAD / HTTP/1.1",
      "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: D\r\n\r\n",
    ],
    [
      "GET / HTTP/1.1",
      "HTTP/1.1 304 Not Modified\r\nDate: D\r\nContent-Length: 99\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nDate: D\r\nContent-Length: 99\r\n\r\n",
    ],
    [
      "GET / HTTP/1.1",
      "HTTP/1.1 204 No Content\r\nDate: D\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n",
    ],
    // A backend that calls the length hop by hop: the client must find the end all the same.
    [
      "GET / HTTP/1.1",
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\nConnection: Content-Length\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\nabc",
    ],
    // Interim responses pass; hop-by-hop fields don't.
    [
      "GET / HTTP/1.1",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 1\r\nKeep-Alive: timeout=5\r\nConnection: X-Hop\r\nX-Hop: 1\r\nUpgrade: h2c\r\n\r\na",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 1\r\n\r\na",
    ],
    [
      "GET / HTTP/1.0",
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 1\r\n\r\na",
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 1\r\nConnection: close\r\n\r\na",
    ],
  ];
  let next = "";
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send(next);
  });
  await using proxy = await proxyTo(backend.port);
  for (const [request, response, expected] of rows) {
    next = response;
    using client = await tlsClient(at(proxy));
    await client.send(`${request}\r\n${host}\r\n`);
    assert.equal(await client.take(expected.length), expected, request);
    // What follows is the answer to the next request, or the end.
    const keeps = !expected.includes("Connection: close");
    if (keeps) await client.send("x\r\n\r\n");
    assert.equal((await client.rest()).startsWith("HTTP/1.1 400"), keeps, request);
  }
});

Deno.test("Session answers 502 for a backend whose response could be misread", async () => {
  const rows: [response: string, detail: string][] = [
    [
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "the backend sent a malformed response",
    ],
    ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", "the backend sent a malformed response"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "the backend sent a malformed response"],
    ["HTTP/1.1 200 OK\r\nA: b\n\r\n", "the backend sent a malformed response"],
    ["HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "the backend sent a malformed response"],
    ["HTTP/2 200 OK\r\n\r\n", "the backend sent a malformed response"],
    ["ICY 200 OK\r\n\r\n", "the backend sent a malformed response"],
    ["HTTP/1.1 099 x\r\n\r\n", "the backend sent a malformed response"],
    [
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      "the backend sent a malformed response",
    ],
    [
      `${"HTTP/1.1 103 x\r\n\r\n".repeat(0)}HTTP/1.1 200 OK\r\nA: ${"b".repeat(70_000)}`,
      "the backend sent a malformed response",
    ],
    ["HTTP/1.1 200 OK\r\nConte", "the backend sent a malformed response"],
    ["", "the backend broke off"],
  ];
  let next = "";
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send(next);
  });
  await using proxy = await proxyTo(backend.port);
  for (const [response, detail] of rows) {
    next = response;
    using client = await tlsClient(at(proxy));
    await client.send(`GET / HTTP/1.1\r\n${host}\r\n`);
    const answer = await client.message();
    assert.match(answer, /^HTTP\/1\.1 502 Bad Gateway\r\n/, response.slice(0, 100));
    assert.equal(answer.slice(answer.indexOf("\r\n\r\n") + 4), `502 Bad Gateway: ${detail}\n`);
  }
});

Deno.test("Session cuts the connection when the backend dies inside a body: never a clean end", async () => {
  const rows: [minor: number, response: string, seen: RegExp][] = [
    [1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", /\r\n\r\nabc<cut>$/],
    [1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", /\r\n\r\n3\r\nabc\r\n<cut>$/],
    [1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", /\r\n\r\n3\r\nabc\r\n<cut>$/],
    [1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", /^<cut>$/],
    // HTTP/1.0 has no last chunk; TLS's missing close_notify is what tells.
    [0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", /\r\n\r\nabc<cut>$/],
  ];
  let next = "";
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send(next);
  });
  await using proxy = await proxyTo(backend.port);
  for (const [minor, response, seen] of rows) {
    next = response;
    assert.match(await exchange(at(proxy), `GET / HTTP/1.${minor}\r\n${host}\r\n`), seen);
  }
});

Deno.test("Session passes 100 (Continue) and then the body, and closes when the backend answers without it", async () => {
  await using backend = new RawBackend(async (connection, index) => {
    assert.match(await connection.until("\r\n\r\n"), /\r\nExpect: 100-continue\r\n/);
    if (index === 0) {
      await connection.send("HTTP/1.1 100 Continue\r\n\r\n");
      const body = await connection.take(5);
      await connection.send(`HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\nConnection: close\r\n\r\n${body}`);
    } else {
      await connection.send("HTTP/1.1 401 Unauthorized\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
    }
    await connection.rest();
  });
  await using proxy = await proxyTo(backend.port);
  const request = `PUT / HTTP/1.1\r\n${host}Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n`;
  using first = await tlsClient(at(proxy));
  await first.send(request);
  assert.equal(await first.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await first.send("hello");
  assert.equal(await first.message(), "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\nhello");
  first.close();
  // Whether the body follows is the client's choice; only a new connection is unambiguous.
  using second = await tlsClient(at(proxy));
  await second.send(request);
  assert.equal(
    await second.rest(),
    "HTTP/1.1 401 Unauthorized\r\nDate: D\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
  );
});

Deno.test("Session joins client and backend after 101 for WebSocket, bytes of both kinds, half-close kept", async () => {
  await using backend = new RawBackend(async (connection) => {
    const head = await connection.until("\r\n\r\n");
    assert.match(head, /\r\nSec-WebSocket-Key: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
    await connection.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nX: y\r\n\r\nhi",
    );
    for (;;) await connection.send(`<${await connection.until("!")}>`);
  });
  await using proxy = await proxyTo(backend.port);
  using client = await tlsClient(at(proxy));
  await client.send(
    `GET /ws HTTP/1.1\r\n${host}Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\nearly!`,
  );
  assert.equal(
    await client.until("\r\n\r\n"),
    "HTTP/1.1 101 Switching Protocols\r\nX: y\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  assert.equal(await client.take(10), "hi<early!>");
  await client.send("\x00\xff\r\n\r\n!");
  assert.equal(await client.until(">"), "<\x00\xff\r\n\r\n!>");
});

Deno.test("Session relays events as they come: the head and each event before the next is written", async () => {
  const { promise: seen, resolve: clientSaw } = Promise.withResolvers<void>();
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send(
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    await connection.send("9\r\ndata: 1\n\n\r\n");
    await seen;
    await connection.send("9\r\ndata: 2\n\n\r\n0\r\n\r\n");
    await connection.rest();
  });
  await using proxy = await proxyTo(backend.port);
  using client = await tlsClient(at(proxy));
  await client.send(`GET / HTTP/1.1\r\n${host}\r\n`);
  await client.until("\r\n\r\n");
  assert.equal(await client.until("\n\n\r\n"), "9\r\ndata: 1\n\n\r\n");
  clientSaw();
  assert.equal(await client.until("0\r\n\r\n"), "9\r\ndata: 2\n\n\r\n0\r\n\r\n");
});

Deno.test("Session stops reading a fast side while the other is slow", async () => {
  const block = "x".repeat(65_536);
  const blocks = 1024;
  let sent = 0;
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${blocks * block.length}\r\n\r\n`);
    for (; sent < blocks; sent++) await connection.send(block);
    await connection.rest();
  });
  await using proxy = await proxyTo(backend.port);
  using client = await tlsClient(at(proxy));
  await client.send(`GET / HTTP/1.1\r\n${host}\r\n`);
  await client.until("\r\n\r\n");
  // The client reads nothing more: what the backend can send settles at the buffers in between.
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(sent * block.length < 24 * 1024 * 1024, `${sent} blocks of 64 KiB taken without a reader`);
});
