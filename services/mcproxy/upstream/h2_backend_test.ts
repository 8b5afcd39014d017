import assert from "node:assert/strict";
import { errorCodes } from "@lib/http2/mod.ts";
import { throwawayCa } from "@lib/testing/mod.ts";
import { bodyOf, H2Backend, H2Client, lines } from "../testing/h2.ts";
import { type TestProxy, testProxy } from "../testing/proxy.ts";
import { exchange, RawBackend, tlsClient } from "../testing/raw.ts";

const host = "Host: a.test\r\n";
const get = `GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;

/** A proxy with one route, a.test, to the backend over h2c. */
async function proxyTo(port: number, toml = ""): Promise<TestProxy> {
  const proxy = await testProxy(toml, { a: ["a.test"] });
  routeTo(proxy, port);
  return proxy;
}

function routeTo(proxy: TestProxy, port: number): void {
  proxy.put({
    hostname: "a.test",
    mode: "l7",
    backends: [`127.0.0.1:${port}`],
    backendProtocol: "h2c",
    tlsCert: "a.pem",
    tlsKey: "a.key",
  });
}

function at(proxy: TestProxy) {
  return { port: proxy.port, hostname: "a.test", ca: proxy.ca };
}

/** Without the head's Date. */
function withoutDate(text: string): string {
  return text.replaceAll(/^Date: [^\r]*\r\n/gim, "");
}

const added = [
  'forwarded: for=127.0.0.1;host="a.test";proto=https',
  "x-forwarded-for: 127.0.0.1",
  "x-forwarded-host: a.test",
  "x-forwarded-proto: https",
];

Deno.test("H2Call asks an h2c backend for HTTP/1.1 clients, and frames its answers for them", async () => {
  const seen: string[][] = [];
  await using backend = new H2Backend(async (stream) => {
    const body = await bodyOf(stream);
    seen.push([
      `${stream.method} ${stream.scheme} ${stream.authority} ${stream.path} ${body}`,
      ...lines(stream.fields),
      ...lines(stream.trailers ?? []).map((line) => `trailer ${line}`),
    ]);
    if (stream.path === "/none") return stream.respond(200, ["x-a", "b"], true);
    if (stream.path === "/204") return stream.respond(204, [], true);
    stream.respond(103, ["link", "</a>"], false);
    stream.respond(200, stream.path === "/length" ? ["content-length", "3"] : ["trailer", "x-sum"], false);
    await stream.write(Uint8Array.of(97, 98, 99));
    stream.end(stream.path === "/length" ? undefined : ["x-sum", "9"]);
  });
  await using proxy = await proxyTo(backend.port);
  const rows: [request: string, answer: string][] = [
    [`GET /none HTTP/1.1\r\n${host}`, "HTTP/1.1 200 OK\r\nx-a: b\r\nContent-Length: 0\r\n"],
    [`HEAD /none HTTP/1.1\r\n${host}`, "HTTP/1.1 200 OK\r\nx-a: b\r\n"],
    [`GET /204 HTTP/1.1\r\n${host}`, "HTTP/1.1 204 No Content\r\n"],
    [
      `GET /length HTTP/1.1\r\n${host}`,
      "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n*\r\nabc",
    ],
    [
      `POST / HTTP/1.1\r\n${host}X-Hop: 1\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop`,
      "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ntrailer: x-sum\r\nTransfer-Encoding: chunked\r\n" +
      "*\r\n3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n",
    ],
  ];
  for (const [request, answer] of rows) {
    const isPost = request.startsWith("POST");
    const closed = isPost ? `${request}, close\r\n` : `${request}Connection: close\r\n`;
    const body = isPost ? "2\r\nhi\r\n0\r\nX-Check: 1\r\nHost: b\r\n\r\n" : "";
    const expected = answer.includes("*")
      ? answer.replace("*", "Connection: close\r\n")
      : `${answer}Connection: close\r\n\r\n`;
    assert.equal(withoutDate(await exchange(at(proxy), `${closed}\r\n${body}`)), expected, request);
  }
  assert.deepEqual(seen[0], ["GET http a.test /none ", ...added, "via: 1.1 mcproxy"]);
  assert.deepEqual(seen[4], [
    "POST http a.test / hi",
    "te: trailers",
    ...added,
    "via: 1.1 mcproxy",
    "trailer x-check: 1",
  ]);
  assert.equal(backend.accepted, 1);
});

Deno.test("H2Call passes HTTP/2 on as HTTP/2: trailers-only answers, te, lengths, never-indexed values", async () => {
  const never: (ReadonlySet<string> | null)[] = [];
  await using backend = new H2Backend(async (stream) => {
    never.push(stream.neverIndexed);
    const body = await bodyOf(stream);
    if (body === "") return stream.respond(200, ["content-type", "application/grpc", "grpc-status", "5"], true);
    stream.respond(200, ["content-type", "application/grpc"], false);
    await stream.write(new TextEncoder().encode(`${body} ${lines(stream.fields).slice(0, 3).join(" ")}`));
    stream.end(["grpc-status", "0"]);
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await H2Client.connect(at(proxy));
  assert.deepEqual(await client.ask({ method: "POST", body: [], fields: ["te", "trailers", "cookie", "a=b"] }), {
    status: 200,
    interim: [],
    fields: ["content-type: application/grpc", "grpc-status: 5"],
    body: "",
    trailers: [],
    reset: "",
  });
  assert.deepEqual([...never[0] ?? []], ["cookie"]);
  assert.deepEqual(
    await client.ask({ method: "POST", body: ["x"], fields: ["te", "trailers", "content-length", "1"] }),
    {
      status: 200,
      interim: [],
      fields: ["content-type: application/grpc"],
      body: "x content-length: 1 te: trailers " + added[0],
      trailers: ["grpc-status: 0"],
      reset: "",
    },
  );
});

Deno.test("H2Connections shares one connection, opens another at the backend's limit, and a new one after GOAWAY", async () => {
  let holds: (() => void)[] = [];
  await using backend = new H2Backend(async (stream) => {
    if (stream.path === "/hold") await new Promise<void>((resolve) => holds.push(resolve));
    stream.respond(200, [], true);
  }, { maxConcurrentStreams: 10 });
  await using proxy = await proxyTo(backend.port);
  await using client = await H2Client.connect(at(proxy));
  const asked = Array.from({ length: 25 }, () => client.ask({ path: "/hold" }));
  while (holds.length < 25) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(backend.accepted, 3);
  for (const letGo of holds) letGo();
  for (const answer of await Promise.all(asked)) assert.equal(answer.status, 200);
  // What is under way ends well, and the next request finds another connection.
  holds = [];
  const last = client.ask({ path: "/hold" });
  while (holds.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const connection of backend.connections) connection.drain();
  while (backend.connections.size > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await client.ask({ path: "/next" })).status, 200);
  holds[0]!();
  assert.equal((await last).status, 200);
  assert.equal(backend.accepted, 4);
});

Deno.test("Exchange repeats a request that a backend refused to look at, whatever its method", async () => {
  let refusals = 0;
  await using backend = new H2Backend((stream) => {
    if (refusals++ < 2) return stream.reset(errorCodes.refusedStream);
    stream.respond(200, [], true);
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await H2Client.connect(at(proxy));
  assert.equal((await client.ask({ method: "POST" })).status, 200);
  assert.equal(refusals, 3);
});

Deno.test("Exchange sends a short body again when a backend refused to look at it, at whatever moment", async () => {
  let refusals = 0;
  let wait = 0;
  const bodies: string[] = [];
  await using backend = new H2Backend(async (stream) => {
    if (refusals++ < 2) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      return stream.reset(errorCodes.refusedStream);
    }
    bodies.push(await bodyOf(stream));
    stream.respond(200, [], false);
    stream.end(stream.trailers ?? []);
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await H2Client.connect(at(proxy));
  for (wait of [0, 20]) {
    refusals = 0;
    const answer = await client.ask({ method: "POST", body: ["ab", "cd"], trailers: ["x-sum", "4"] });
    assert.deepEqual([answer.status, answer.trailers, bodies.pop()], [200, ["x-sum: 4"], "abcd"]);
    // More of it comes while the backend is asked again.
    refusals = 0;
    const stream = client.open({ method: "POST" }, false);
    await stream.write(Uint8Array.of(97));
    while (refusals < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    await stream.write(Uint8Array.of(98), true);
    assert.equal((await stream.response()).status, 200);
    assert.equal(bodies.pop(), "ab");
    refusals = 0;
    const old = `POST / HTTP/1.1\r\n${host}Content-Length: 4\r\nConnection: close\r\n\r\nwxyz`;
    assert.match(await exchange(at(proxy), old), /^HTTP\/1\.1 200 /);
    assert.equal(bodies.pop(), "wxyz");
  }
  refusals = 0;
  wait = 50;
  assert.equal((await client.ask({ method: "POST", body: ["x".repeat(100_000)] })).status, 502);
});

Deno.test("Exchange answers or cuts when an HTTP/2 backend fails", async () => {
  const rows: [path: string, status: number, outcome: string][] = [
    ["/reset", 502, "502 Bad Gateway: the backend broke off\n"],
    ["/hang", 504, "504 Gateway Timeout: the backend took too long\n"],
    ["/die", 502, "502 Bad Gateway: the backend broke off\n"],
    ["/inside", 200, "INTERNAL_ERROR"],
    ["/short", 200, "INTERNAL_ERROR"],
    ["/long", 200, "INTERNAL_ERROR"],
    ["/dies-inside", 200, "INTERNAL_ERROR"],
  ];
  await using backend = new H2Backend(async (stream): Promise<void> => {
    const [connection] = backend.connections;
    if (stream.path === "/reset") return stream.reset(errorCodes.internalError);
    if (stream.path === "/hang") return;
    if (stream.path === "/die") return connection!.destroy();
    stream.respond(200, stream.path === "/inside" ? [] : ["content-length", "10"], false);
    await stream.write(new Uint8Array(stream.path === "/long" ? 11 : 3));
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (stream.path === "/inside") return stream.reset(errorCodes.cancel);
    if (stream.path === "/dies-inside") return connection!.destroy();
    stream.end();
  });
  await using proxy = await proxyTo(backend.port, "[backends]\nresponse_timeout_ms = 200\n");
  await using client = await H2Client.connect(at(proxy));
  for (const [path, status, outcome] of rows) {
    const answer = await client.ask({ method: "POST", path });
    assert.deepEqual([answer.status, answer.body || answer.reset], [status, outcome], path);
    if (status === 200) assert.match(await exchange(at(proxy), get.replace("/ ", `${path} `)), /<cut>$/, path);
  }
});

Deno.test("Exchange resets the backend's stream when its client goes, by HTTP/1.1 or HTTP/2", async () => {
  let resets: number[] = [];
  let begun = Promise.withResolvers<void>();
  let seen = Promise.withResolvers<void>();
  await using backend = new H2Backend(async (stream) => {
    stream.onReset = (code) => {
      resets.push(code);
      seen.resolve();
    };
    stream.respond(200, [], false);
    begun.resolve();
    // A client that closed its connection is known to be gone when something can't be sent to it.
    while (!stream.closed) {
      await stream.write(Uint8Array.of(1));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  await using proxy = await proxyTo(backend.port);
  await using client = await H2Client.connect(at(proxy));
  const stream = client.open({}, true);
  await begun.promise;
  stream.reset(errorCodes.cancel);
  await seen.promise;
  assert.deepEqual(resets, [errorCodes.cancel]);
  resets = [];
  begun = Promise.withResolvers();
  seen = Promise.withResolvers();
  const one = await tlsClient(at(proxy));
  await one.send(get);
  await begun.promise;
  one.close();
  await seen.promise;
  assert.deepEqual(resets, [errorCodes.cancel]);
  // The connection is still good.
  assert.equal(backend.accepted, 1);
});

Deno.test("Exchange answers 502 when what listens doesn't speak HTTP/2", async () => {
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    await connection.rest();
  });
  await using proxy = await proxyTo(backend.port);
  assert.match(await exchange(at(proxy), get), /^HTTP\/1\.1 502 [^]*no backend answers\n$/);
});

Deno.test("Exchange joins WebSockets of HTTP/1.1 and HTTP/2 clients to an HTTP/2 backend (RFC 8441)", async () => {
  await using backend = new H2Backend(async (stream) => {
    assert.deepEqual([stream.method, stream.protocol, stream.path], ["CONNECT", "websocket", "/ws"]);
    assert.ok(!stream.fields.includes("sec-websocket-key"));
    stream.respond(200, [], false);
    for (;;) {
      const bytes = await stream.read();
      if (bytes === null) return stream.end();
      await stream.write(bytes);
    }
  });
  await using proxy = await proxyTo(backend.port);
  {
    using client = await tlsClient(at(proxy));
    await client.send(
      `GET /ws HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nabc`,
    );
    assert.match(
      await client.until("\r\n\r\n"),
      // RFC 6455 §1.3 gives this answer to this key.
      /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i,
    );
    assert.equal(await client.take(3), "abc");
  }
  await using client = await H2Client.connect(at(proxy));
  while (!client.connection.extendedConnect) await new Promise((resolve) => setTimeout(resolve, 5));
  const stream = client.connection.request({
    ...{ method: "CONNECT", protocol: "websocket", scheme: "https", authority: "a.test", path: "/ws" },
    fields: [],
  }, false);
  assert.equal((await stream.response()).status, 200);
  await stream.write(Uint8Array.of(1, 2, 3));
  assert.deepEqual([...await stream.read() ?? []], [1, 2, 3]);
  stream.end();
  assert.equal(await stream.read(), null);
});

Deno.test("BackendPool speaks TLS to backends: verified by root and name, HTTP/2 or 1.1 as they agree", async () => {
  const ca = await throwawayCa();
  const right = await ca.issue(["b.test"]);
  const wrong = await (await throwawayCa()).issue(["b.test"]);
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/root.pem`, ca.root);
  const answer = (stream: Parameters<ConstructorParameters<typeof H2Backend>[0]>[0]) => {
    stream.respond(200, ["x-scheme", stream.scheme], true);
  };
  const serveH1: NonNullable<ConstructorParameters<typeof H2Backend>[1]>["serveH1"] = async (connection) => {
    for (;;) {
      await connection.until("\r\n\r\n");
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    }
  };
  {
    await using h2 = new H2Backend(answer, { tls: right });
    await using h1 = new H2Backend(answer, { tls: right, serveH1: serveH1! });
    await using stranger = new H2Backend(answer, { tls: wrong });
    await using proxy = await testProxy(`[backends]\nca_file = "${dir}/root.pem"\n`, { a: ["a.test"] });
    const ask = async (port: number, settings: { backendName?: string; backendInsecure?: boolean }) => {
      const route = { hostname: "a.test", mode: "l7", tlsCert: "a.pem", tlsKey: "a.key", backendProtocol: "tls" };
      proxy.put({ ...route, backends: [`127.0.0.1:${port}`], ...settings });
      return withoutDate(await exchange(at(proxy), get));
    };
    const named = { backendName: "b.test" };
    assert.match(await ask(h2.port, named), /^HTTP\/1\.1 200 OK\r\nx-scheme: https\r\n/);
    assert.match(await ask(h2.port, named), /^HTTP\/1\.1 200 OK\r\nx-scheme: https\r\n/);
    assert.equal(h2.accepted, 1);
    assert.match(await ask(h1.port, named), /\r\n\r\nold$/);
    assert.match(await ask(h1.port, named), /\r\n\r\nold$/);
    assert.equal(h1.accepted, 1);
    assert.match(await ask(stranger.port, named), /^HTTP\/1\.1 502 /);
    assert.match(
      proxy.running.upstreams.states().find(({ backend }) => backend.endsWith(`:${stranger.port}`))!.reason,
      /not signed by a CA that is trusted here/,
    );
    assert.match(await ask(h2.port, { backendName: "c.test" }), /^HTTP\/1\.1 502 /);
    assert.match(
      proxy.running.upstreams.states().find(({ backend }) => backend.endsWith(`:${h2.port}`))!.reason,
      /is not for "c\.test": it has /,
    );
    assert.match(await ask(stranger.port, { backendInsecure: true }), /^HTTP\/1\.1 200 OK\r\nx-scheme: https\r\n/);
  }
  await Deno.remove(dir, { recursive: true });
});
