import assert from "node:assert/strict";
import { l7Route, type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering, exchange, RawBackend, tlsClient } from "../testing/raw.ts";

const host = "Host: a.test\r\n";
const get = `GET / HTTP/1.1\r\n${host}\r\n`;

function at(proxy: TestProxy) {
  return { port: proxy.port, hostname: "a.test", ca: proxy.ca };
}

/** A port where nothing listens. */
function closedPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

Deno.test("Session answers 502 with a plain page when no backend connects, and keeps the connection", async () => {
  await using proxy = await testProxy(l7Route("a.test", "a", closedPort()), { a: ["a.test"] });
  using client = await tlsClient(at(proxy));
  for (let round = 0; round < 2; round++) {
    await client.send(get);
    assert.match(
      await client.message(),
      /^HTTP\/1\.1 502 Bad Gateway\r\n[^]*\r\n\r\n502 Bad Gateway: no backend answers\n$/,
    );
  }
  await client.send(`HEAD / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
  assert.match(await client.rest(), /^HTTP\/1\.1 502 Bad Gateway\r\n[^]*Connection: close\r\n\r\n$/);
});

Deno.test("Session tries the other backends of a route, whatever the method, when one doesn't connect", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(l7Route("a.test", "a", closedPort(), backend.port), { a: ["a.test"] });
  for (let round = 0; round < 3; round++) {
    const answer = await exchange(
      at(proxy),
      `POST / HTTP/1.1\r\n${host}Content-Length: 2\r\nConnection: close\r\n\r\nhi`,
    );
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*\r\nok$/);
  }
});

Deno.test("Session gives new requests to the backend with the fewest under way", async () => {
  const { promise: hold, resolve: letGo } = Promise.withResolvers<void>();
  const counts = [0, 0];
  const slow = (which: number) =>
    new RawBackend(async (connection) => {
      await connection.until("\r\n\r\n");
      counts[which]!++;
      await hold;
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
  await using one = slow(0);
  await using two = slow(1);
  await using proxy = await testProxy(l7Route("a.test", "a", one.port, two.port), { a: ["a.test"] });
  const clients = await Promise.all(Array.from({ length: 6 }, () => tlsClient(at(proxy))));
  for (const client of clients) await client.send(get);
  while (counts[0]! + counts[1]! < 6) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(counts, [3, 3]);
  letGo();
  for (const client of clients) {
    await client.message();
    client.close();
  }
});

Deno.test("Session repeats a request on a fresh connection when an idle one turns out dead, if it may be repeated", async () => {
  // The second request of each connection is read, and the connection closed: as when a backend's idle timer fires.
  const heads: string[] = [];
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    heads.push(await connection.until("\r\n"));
  });
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  using client = await tlsClient(at(proxy));
  await client.send(get);
  assert.match(await client.message(), /^HTTP\/1\.1 200 /);
  await client.send(get);
  assert.match(await client.message(), /^HTTP\/1\.1 200 /);
  assert.equal(backend.accepted, 2);
  await client.send(`POST / HTTP/1.1\r\n${host}\r\n`);
  assert.match(await client.message(), /^HTTP\/1\.1 502 [^]*the backend broke off\n$/);
  assert.equal(backend.accepted, 2);
  assert.deepEqual(heads, ["GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\n"]);
});

Deno.test("Session answers 504 when the backend's answer takes too long, 408 when the request does", async () => {
  const limits = "[backends]\nresponse_timeout_ms = 200\n[limits]\nhead_timeout_ms = 200\nbody_timeout_ms = 200\n";
  await using backend = new RawBackend(async (connection) => void await connection.rest());
  await using proxy = await testProxy(limits + l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  const rows: [request: string, answer: RegExp][] = [
    [get, /^HTTP\/1\.1 504 Gateway Timeout\r\n[^]*504 Gateway Timeout: the backend took too long\n$/],
    [
      "GET / HT",
      /^HTTP\/1\.1 408 Request Timeout\r\n[^]*Connection: close\r\n\r\n408 Request Timeout: the request's head took too long\n$/,
    ],
    [
      `POST / HTTP/1.1\r\n${host}Content-Length: 9\r\n\r\nab`,
      /^HTTP\/1\.1 408 Request Timeout\r\n[^]*the request's body stopped coming\n$/,
    ],
  ];
  for (const [request, answer] of rows) {
    using client = await tlsClient(at(proxy));
    await client.send(request);
    assert.match(await client.message(), answer);
  }
});

Deno.test("Session closes a connection that is idle for too long without a word", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(
    `[limits]\nkeepalive_timeout_ms = 200\n${l7Route("a.test", "a", backend.port)}`,
    { a: ["a.test"] },
  );
  using never = await tlsClient(at(proxy));
  using once = await tlsClient(at(proxy));
  await once.send(get);
  await once.message();
  assert.equal(await once.rest(), "");
  assert.equal(await never.rest(), "");
});

Deno.test("Session cuts a response that stalls for too long", async () => {
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    await connection.rest();
  });
  await using proxy = await testProxy(
    `[limits]\nstream_idle_ms = 200\n${l7Route("a.test", "a", backend.port)}`,
    { a: ["a.test"] },
  );
  assert.match(await exchange(at(proxy), get), /\r\n\r\nabc<cut>$/);
});

Deno.test("Session lets go of the backend when the client leaves inside a response", async () => {
  const { promise: left, resolve: backendSawIt } = Promise.withResolvers<void>();
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    try {
      for (;;) {
        await connection.send("data: more\n\n");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } catch {
      backendSawIt();
    }
  });
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  const client = await tlsClient(at(proxy));
  await client.send(get);
  await client.until("data: 1\n\n");
  client.close();
  await left;
});

Deno.test("Session still answers a client that has closed its sending side", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  using client = await tlsClient(at(proxy));
  await client.send(get + get);
  await (client.conn as Deno.TlsConn).closeWrite();
  const answer = await client.rest();
  assert.equal(answer.split("HTTP/1.1 200 OK").length, 3, answer);
});

Deno.test("Session passes on an answer that comes before the request's end, then closes", async () => {
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send(
      "HTTP/1.1 413 Content Too Large\r\nDate: D\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbig\n",
    );
  });
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  using client = await tlsClient(at(proxy));
  await client.send(`PUT / HTTP/1.1\r\n${host}Content-Length: 1000000\r\n\r\n${"x".repeat(1000)}`);
  assert.equal(
    await client.rest(),
    "HTTP/1.1 413 Content Too Large\r\nDate: D\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbig\n",
  );
});

Deno.test("Session doesn't use a backend connection again that announced its end or sent more than was asked", async () => {
  const answers = [
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na",
    "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nKeep-Alive: timeout=1\r\n\r\na",
    // A second response that nobody asked for must not become the next client's.
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
  ];
  await using backend = new RawBackend(async (connection, index) => {
    await connection.until("\r\n\r\n");
    await connection.send(answers[index] ?? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
    await connection.until("\r\n\r\n");
    await connection.send("HTTP/1.1 500 Used Again\r\nContent-Length: 0\r\n\r\n");
  });
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  using client = await tlsClient(at(proxy));
  for (const body of ["a", "a", "a", "a", "last"]) {
    await client.send(get);
    const answer = await client.message();
    assert.equal(answer.slice(answer.indexOf("\r\n\r\n") + 4), body);
  }
  assert.equal(backend.accepted, 5);
});

Deno.test("Session answers 503 when every backend is at its limit of connections", async () => {
  const { promise: hold, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: busy, resolve: isBusy } = Promise.withResolvers<void>();
  await using backend = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    isBusy();
    await hold;
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    await connection.rest();
  });
  await using proxy = await testProxy(
    `[backends]\nmax_connections = 1\n${l7Route("a.test", "a", backend.port)}`,
    { a: ["a.test"] },
  );
  using first = await tlsClient(at(proxy));
  await first.send(get);
  await busy;
  using second = await tlsClient(at(proxy));
  await second.send(get);
  assert.match(await second.message(), /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*the backend is busy\n$/);
  letGo();
  assert.match(await first.message(), /^HTTP\/1\.1 200 /);
});

Deno.test("Session survives mutated requests: each is answered or closed, and others are served", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(
    `[limits]\nhead_timeout_ms = 100\nbody_timeout_ms = 100\nkeepalive_timeout_ms = 100\n` +
      `[backends]\nresponse_timeout_ms = 100\n${l7Route("a.test", "a", backend.port)}`,
    { a: ["a.test"] },
  );
  const whole = `POST /a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n` +
    `PUT /b HTTP/1.1\r\n${host}Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc${get}`;
  const interesting = "\r\n\0 :;,\t0f\xff";
  // A fixed linear congruential sequence (Numerical Recipes): the same mutations at every run.
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const one = async () => {
    let text = whole;
    for (let count = 1 + random(3); count > 0; count--) {
      const where = random(text.length);
      const character = interesting[random(interesting.length)]!;
      text = text.slice(0, where) + [character, "", character + text[where]][random(3)] + text.slice(where + 1);
    }
    using client = await tlsClient(at(proxy));
    await client.send(text).catch(() => {});
    assert.match(await client.rest(), /^(HTTP\/1\.1 |<cut>$|$)/);
  };
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 20 }, one));
  using client = await tlsClient(at(proxy));
  await client.send(get);
  assert.match(await client.message(), /ok$/);
  assert.equal(proxy.running.listeners.all()[0]!.door.counters.accepted, 201);
});
