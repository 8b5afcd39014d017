import assert from "node:assert/strict";
import { H2Client, type H2Request } from "../testing/h2.ts";
import { l7Route, type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering, RawBackend } from "../testing/raw.ts";

/** A proxy with one L7 route, a.test, to the backend. */
function proxyTo(port: number, toml = ""): Promise<TestProxy> {
  return testProxy(toml + l7Route("a.test", "a", port), { a: ["a.test"] });
}

function connect(proxy: TestProxy): Promise<H2Client> {
  return H2Client.connect({ port: proxy.port, hostname: "a.test", ca: proxy.ca });
}

/** What the proxy adds to a request of this machine's. */
const added = 'Forwarded: for=127.0.0.1;host="a.test";proto=https\r\nX-Forwarded-For: 127.0.0.1\r\n' +
  "X-Forwarded-Host: a.test\r\nX-Forwarded-Proto: https\r\nVia: 2.0 mcproxy\r\n\r\n";

Deno.test("H2Session writes a request as HTTP/1.1 anew: our word on the client, cookies joined, claims dropped", async () => {
  const heads: string[] = [];
  await using backend = answering("ok", heads);
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  const answer = await client.ask({
    path: "/p?q",
    fields: [
      ...["x-forwarded-for", "6.6.6.6", "forwarded", "for=6.6.6.6", "x-real-ip", "6.6.6.6", "x_forwarded_for", "6"],
      ...["client-cert", ":AA==:", "client_cert", ":AA==:", "client-cert-chain", ":AA==:"],
      ...["cookie", "a=b", "x-yours", "2", "cookie", "c=d", "te", "trailers", "accept", "\xe4", "via", "1.0 fred"],
    ],
  });
  assert.deepEqual(answer, {
    status: 200,
    interim: [],
    fields: ["content-length: 2"],
    body: "ok",
    trailers: [],
    reset: "",
  });
  assert.deepEqual(heads, [
    "GET /p?q HTTP/1.1\r\nHost: a.test\r\ncookie: a=b; c=d\r\nx-yours: 2\r\naccept: \xe4\r\nTE: trailers\r\nConnection: TE\r\n" +
    added.replace("Via: 2.0 mcproxy", "Via: 1.0 fred, 2.0 mcproxy"),
  ]);
});

Deno.test("H2Session answers a request that isn't for this connection itself; the backend sees nothing of it", async () => {
  await using backend = answering("never");
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  const rows: [request: H2Request, status: number, detail: string][] = [
    [{ authority: "b.test" }, 421, "421 Misdirected Request: :authority is not the name of this connection\n"],
    [
      { authority: "b.test", body: ["x"] },
      421,
      "421 Misdirected Request: :authority is not the name of this connection\n",
    ],
    [{ scheme: "http" }, 421, "421 Misdirected Request: a plain http target on a TLS connection\n"],
    [{ method: "TRACE" }, 501, "501 Not Implemented: method TRACE\n"],
    [{ method: "CONNECT", authority: "a.test:1" }, 501, "501 Not Implemented: method CONNECT\n"],
    [{ fields: ["transfer_encoding", "chunked"] }, 400, "400 Bad Request: field name transfer_encoding\n"],
    [{ fields: ["expect", "miracles"] }, 417, "417 Expectation Failed: unknown expectation\n"],
    [
      { fields: Array.from({ length: 202 }, (_, at) => at % 2 === 0 ? "a" : "b") },
      431,
      "431 Request Header Fields Too Large: more than 100 fields\n",
    ],
  ];
  for (const [request, status, detail] of rows) {
    const answer = await client.ask(request);
    assert.deepEqual([answer.status, answer.body], [status, detail]);
  }
  assert.equal((await client.ask({ authority: "A.test.:8443" })).status, 200);
  assert.equal(backend.accepted, 1);
});

Deno.test("H2Session passes bodies, trailers and interim responses both ways", async () => {
  const seen: string[] = [];
  await using backend = new RawBackend(async (connection) => {
    seen.push(await connection.until("\r\n\r\n"), await connection.until("0\r\n"), await connection.until("\r\n\r\n"));
    await connection.send(
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\nX-Hop: 1\r\nTrailer: X-Sum\r\n\r\n" +
        "4\r\nback\r\n0\r\nX-Sum: 9\r\nContent-Length: 3\r\n\r\n",
    );
    await connection.rest();
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  const answer = await client.ask({
    method: "POST",
    body: ["abc", "de"],
    trailers: ["x-check", "1", "x-forwarded-for", "6.6.6.6"],
  });
  assert.equal(seen[0], `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n${added}`);
  assert.equal(seen[1]!.replaceAll(/\d+\r\n|\r\n/g, ""), "abcde");
  assert.equal(seen[2], "x-check: 1\r\n\r\n");
  assert.deepEqual(answer, {
    status: 200,
    interim: [103],
    fields: ["trailer: X-Sum"],
    body: "back",
    trailers: ["x-sum: 9"],
    reset: "",
  });
});

Deno.test("H2Session resets the stream when the backend breaks off inside a body, and others go on", async () => {
  const rows: [response: string, body: string][] = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "abc"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "abc"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", "abc"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ""],
  ];
  let next = "";
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send(next);
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  for (const [response] of rows) {
    next = response;
    const answer = await client.ask({});
    assert.deepEqual([answer.status, answer.reset], [200, "INTERNAL_ERROR"], response);
  }
  next = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
  assert.deepEqual((await client.ask({})).body, "abc");
  next = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
  assert.deepEqual((await client.ask({})).body, "until the end");
});

Deno.test("H2Session answers with pages when backends fail before a head", async () => {
  const rows: [response: string, status: number, body: string][] = [
    ["", 502, "502 Bad Gateway: the backend broke off\n"],
    ["HTTP/1.1 200 OK\r\nConte", 502, "502 Bad Gateway: the backend sent a malformed response\n"],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", 502, "502 Bad Gateway: the backend sent a malformed response\n"],
    ["hang", 504, "504 Gateway Timeout: the backend took too long\n"],
  ];
  let next = "";
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    if (next === "hang") await connection.rest();
    await connection.send(next);
  });
  await using proxy = await proxyTo(backend.port, "[backends]\nresponse_timeout_ms = 200\n");
  await using client = await connect(proxy);
  for (const [response, status, body] of rows) {
    next = response;
    const answer = await client.ask({});
    assert.deepEqual([answer.status, answer.body, answer.reset], [status, body, ""]);
  }
});

Deno.test("H2Session closes the backend's connection when the client resets its stream", async () => {
  const { promise: left, resolve: backendSawIt } = Promise.withResolvers<void>();
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send("HTTP/1.1 200 OK\r\n\r\ndata");
    await connection.rest();
    backendSawIt();
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  const stream = client.open({}, true);
  assert.equal((await stream.response()).status, 200);
  stream.reset(8);
  await left;
});

Deno.test("H2Session serves many streams of one connection at once, each at its own pace", async () => {
  const holds: (() => void)[] = [];
  await using backend = new RawBackend(async (connection) => {
    const head = await connection.until("\r\n\r\n");
    const path = head.split(" ")[1]!;
    if (path.startsWith("/slow")) await new Promise<void>((resolve) => holds.push(resolve));
    await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    await connection.rest();
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  const slow = Array.from({ length: 20 }, (_, index) => client.ask({ path: `/slow${index}` }));
  while (holds.length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await client.ask({ path: "/fast" })).body, "/fast");
  for (const letGo of holds) letGo();
  for (const [index, answer] of (await Promise.all(slow)).entries()) assert.equal(answer.body, `/slow${index}`);
});

Deno.test("H2Session stops reading a fast side while the other is slow", async () => {
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
  await using client = await connect(proxy);
  const stream = client.open({}, true);
  await stream.response();
  // The client takes nothing: what the backend can send settles at the windows and buffers in between.
  for (let before = -1; before !== sent;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(sent * block.length < 16 * 1024 * 1024, `${sent} blocks of 64 KiB taken without a reader`);
});

Deno.test("H2Session gives a slow backend's client no more window", async () => {
  const { promise: hold, resolve: letGo } = Promise.withResolvers<void>();
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await hold;
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  const stream = client.open({ method: "POST" }, false);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 1024; sent++) await stream.write(new Uint8Array(65_536));
  })().catch(() => {});
  for (let before = -1; before !== sent;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(sent * 65_536 < 16 * 1024 * 1024, `${sent} blocks of 64 KiB taken without a reader`);
  letGo();
  stream.reset(8);
  await sending;
});

Deno.test("H2Session drains: GOAWAY, what is under way finishes, then the connection ends", async () => {
  const { promise: asked, resolve: wasAsked } = Promise.withResolvers<void>();
  const { promise: hold, resolve: letGo } = Promise.withResolvers<void>();
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    wasAsked();
    await hold;
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
    await connection.rest();
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  const last = client.ask({});
  await asked;
  const closed = proxy.running.listeners.all()[0]!.door.close(5000);
  while (client.connection.available > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  letGo();
  assert.equal((await last).body, "last");
  await closed;
});

Deno.test("H2Session joins an extended CONNECT to an HTTP/1.1 WebSocket backend", async () => {
  await using backend = new RawBackend(async (connection) => {
    const head = await connection.until("\r\n\r\n");
    assert.match(head, /^GET \/ws HTTP\/1\.1\r\nHost: a\.test\r\nsec-websocket-version: 13\r\n/);
    assert.match(head, /\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/);
    const key = /^sec-websocket-key: (.*)\r$/im.exec(head)![1]!;
    const hash = await crypto.subtle.digest(
      "SHA-1",
      new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`),
    );
    await connection.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: p\r\n" +
        `Sec-WebSocket-Accept: ${btoa(String.fromCharCode(...new Uint8Array(hash)))}\r\n\r\nhi`,
    );
    await connection.send(`<${await connection.until("!")}>`);
    assert.equal(await connection.rest(), "");
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  while (!client.connection.extendedConnect) await new Promise((resolve) => setTimeout(resolve, 5));
  const stream = client.connection.request({
    method: "CONNECT",
    protocol: "websocket",
    scheme: "https",
    authority: "a.test",
    path: "/ws",
    fields: ["sec-websocket-version", "13"],
  }, false);
  const { status, fields } = await stream.response();
  assert.equal(status, 200);
  assert.deepEqual(fields.filter((_, at) => fields[at & ~1] !== "date"), ["sec-websocket-protocol", "p"]);
  await stream.write(new TextEncoder().encode("early!"));
  let text = "";
  while (text.length < 10) text += new TextDecoder().decode((await stream.read())!);
  assert.equal(text, "hi<early!>");
  stream.end();
  assert.equal(await stream.read(), null);
});

Deno.test("H2Session refuses a WebSocket whose backend doesn't prove that it has read the key", async () => {
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
    );
    await connection.rest();
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await connect(proxy);
  while (!client.connection.extendedConnect) await new Promise((resolve) => setTimeout(resolve, 5));
  const stream = client.connection.request({
    method: "CONNECT",
    protocol: "websocket",
    scheme: "https",
    authority: "a.test",
    path: "/ws",
    fields: [],
  }, false);
  assert.equal((await stream.response()).status, 502);
  stream.reset(8);
});
