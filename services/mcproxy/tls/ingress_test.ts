import assert from "node:assert/strict";
import { clientHello } from "@lib/testing/mod.ts";
import { l4Route, l7Route, type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering, exchange, RawBackend, RawConnection, tlsClient } from "../testing/raw.ts";

const get = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

/** The hello without TLS 1.3 in supported_versions: 0x0304 becomes 0x0302. */
function withoutTls13(hello: Uint8Array): Uint8Array {
  const copy = hello.slice();
  for (let at = 0; at + 6 < copy.length; at++) {
    // Extension 43, a list of n bytes: the versions.
    if (copy[at] !== 0 || copy[at + 1] !== 43 || copy[at + 2] !== 0) continue;
    const list = copy[at + 4]!;
    if (copy[at + 3] !== list + 1) continue;
    for (let index = at + 5; index < at + 5 + list; index += 2) if (copy[index + 1] === 4) copy[index + 1] = 2;
    return copy;
  }
  throw new Error("no supported_versions");
}

/** Sends bytes over TCP and returns what comes back until the proxy closes. */
async function raw(port: number, bytes: Uint8Array): Promise<string> {
  using connection = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port }));
  await connection.send(String.fromCharCode(...bytes)).catch(() => {});
  return await connection.rest();
}

const alert = (description: number) => String.fromCharCode(21, 3, 3, 0, 2, 2, description);

function refused(proxy: TestProxy): Record<string, number> {
  return Object.fromEntries(proxy.running.listeners.all()[0]!.door.counters.refused);
}

Deno.test("Ingress refuses what it can't route: with the alert, and counted by reason", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(
    `[limits]\nhello_timeout_ms = 300\nhello_max_bytes = 2048\n${l7Route("a.test", "a", backend.port)}`,
    { a: ["a.test"] },
  );
  const { port } = proxy;
  const hello = await clientHello("a.test");
  const rows: [bytes: Uint8Array, answer: string, reason: string][] = [
    [await clientHello("b.test"), alert(112), "unknown_name"],
    [await clientHello("127.0.0.1"), alert(112), "no_sni"],
    [await clientHello("a.test", ["h3"]), alert(120), "no_common_protocol"],
    [withoutTls13(hello), alert(70), "no_tls13"],
    [new TextEncoder().encode("SSH-2.0-x\r\n"), "", "not_tls"],
    [Uint8Array.of(22, 3, 1, 0x40, 1), alert(22), "malformed_hello"],
    [Uint8Array.of(22, 3, 1, 0, 4, 2, 0, 0, 0), alert(10), "malformed_hello"],
    [Uint8Array.of(22, 3, 1, 0, 4, 1, 0, 0, 0), alert(50), "malformed_hello"],
    // A message that says it is 1 MiB, and one that is longer than the limit.
    [Uint8Array.of(22, 3, 1, 0, 4, 1, 0x10, 0, 0), alert(50), "hello_too_large"],
    [Uint8Array.of(22, 3, 1, 0x3f, 0, 1, 0, 0x3e, 0, ...new Uint8Array(2039)), alert(50), "hello_too_large"],
    [hello.subarray(0, 100), "", "hello_timeout"],
    [new Uint8Array(), "", "hello_timeout"],
  ];
  const expected: Record<string, number> = {};
  for (const [bytes, answer, reason] of rows) {
    assert.equal(await raw(port, bytes), answer, reason);
    expected[reason] = (expected[reason] ?? 0) + 1;
    assert.deepEqual(refused(proxy), expected);
  }
  assert.match(
    await raw(port, new TextEncoder().encode(get)),
    /^HTTP\/1\.1 400 Bad Request\r\n[^]*400 Bad Request: this port speaks HTTPS\n$/,
  );
  assert.match(
    await exchange(
      { port, hostname: "a.test", ca: proxy.ca },
      get.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    ),
    /ok$/,
  );
});

Deno.test("Ingress survives mutated hellos: every one is refused and counted, and others are served", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(
    `[limits]\nhello_timeout_ms = 200\nhandshake_timeout_ms = 200\n${l7Route("a.test", "a", backend.port)}`,
    { a: ["a.test"] },
  );
  const hello = await clientHello("a.test");
  // A fixed linear congruential sequence (Numerical Recipes): the same mutations at every run.
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const rounds = 300;
  const one = async () => {
    let bytes = hello.slice();
    for (let count = 1 + random(4); count > 0; count--) bytes[random(bytes.length)] = random(256);
    if (random(4) === 0) bytes = bytes.slice(0, random(bytes.length));
    await raw(proxy.port, bytes);
  };
  for (let round = 0; round < rounds; round += 50) await Promise.all(Array.from({ length: 50 }, one));
  const { counters } = proxy.running.listeners.all()[0]!.door;
  assert.equal(counters.accepted, rounds);
  assert.equal(Object.values(refused(proxy)).reduce((sum, count) => sum + count, 0), rounds);
  assert.ok(Object.keys(refused(proxy)).length >= 4, JSON.stringify(refused(proxy)));
  using client = await tlsClient({ port: proxy.port, hostname: "a.test", ca: proxy.ca });
  await client.send(get);
  assert.match(await client.message(), /ok$/);
});

Deno.test("Ingress closes connections beyond its limit at once, and takes new ones when there is room", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(
    `[limits]\nmax_connections = 2\n${l7Route("a.test", "a", backend.port)}`,
    { a: ["a.test"] },
  );
  const at = { port: proxy.port, hostname: "a.test", ca: proxy.ca };
  using first = await tlsClient(at);
  const second = await tlsClient(at);
  assert.equal(await raw(proxy.port, await clientHello("a.test")).catch(() => "<cut>"), "");
  assert.deepEqual(refused(proxy), { too_many_connections: 1 });
  second.close();
  const { counters } = proxy.running.listeners.all()[0]!.door;
  while (counters.active > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  using third = await tlsClient(at);
  await third.send(get);
  assert.match(await third.message(), /ok$/);
  await first.send(get);
  assert.match(await first.message(), /ok$/);
});

Deno.test("Ingress passes an l4 route's bytes through from the ClientHello on, TLS 1.2 too, half-close kept", async () => {
  const seen: string[] = [];
  await using backend = new RawBackend(async (connection) => {
    seen.push(await connection.rest());
    await connection.send("late answer");
  });
  await using proxy = await testProxy(l4Route("a.test", backend.port));
  const hello = withoutTls13(await clientHello("a.test"));
  using client = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port: proxy.port }));
  const sent = String.fromCharCode(...hello) + "anything\x00\xff".repeat(20_000);
  await client.send(sent);
  await (client.conn as Deno.TcpConn).closeWrite();
  assert.equal(await client.rest(), "late answer");
  assert.ok(seen[0] === sent);
  const [route] = [...proxy.running.listeners.all()[0]!.door.counters.refused];
  assert.equal(route, undefined);
});

Deno.test("Ingress passes TLS through to a backend with its own certificate", async () => {
  await using proxy = await testProxy("", { b: ["b.test"] });
  const inner = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: await Deno.readTextFile(`${proxy.dir}/certs/b.pem`),
    key: await Deno.readTextFile(`${proxy.dir}/certs/b.key`),
  });
  const serving = (async () => {
    const conn = await inner.accept();
    const buffer = new Uint8Array(100);
    const count = await conn.read(buffer);
    await conn.write(buffer.subarray(0, count ?? 0));
    conn.close();
  })();
  proxy.put({ hostname: "b.test", mode: "l4", backends: [`127.0.0.1:${inner.addr.port}`] });
  using client = await tlsClient({ port: proxy.port, hostname: "b.test", ca: proxy.ca });
  await client.send("ping");
  assert.equal(await client.take(4), "ping");
  await serving;
  inner.close();
});

Deno.test("Ingress drains: what is under way finishes, idle connections end after a moment, the rest is cut at the time-out", async () => {
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  const { promise: hold, resolve: letGo } = Promise.withResolvers<void>();
  await using backend = new RawBackend(async (connection) => {
    for (;;) {
      const head = await connection.until("\r\n\r\n");
      if (head.startsWith("GET /slow")) {
        isAsked();
        await hold;
      }
      await connection.send("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port) + l4Route("b.test", backend.port), {
    a: ["a.test"],
  });
  const at = { port: proxy.port, hostname: "a.test", ca: proxy.ca };
  using idle = await tlsClient(at);
  await idle.send(get);
  await idle.message();
  using slow = await tlsClient(at);
  await slow.send(get.replace("/", "/slow"));
  await asked;
  using passed = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port: proxy.port }));
  await passed.send(String.fromCharCode(...await clientHello("b.test")));
  const ingress = proxy.running.listeners.all()[0]!.door;
  while (ingress.counters.active < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  using late = await tlsClient(at);
  await late.send(get);
  await late.message();
  const closed = ingress.close(2500);
  const isRefused = () => Deno.connect({ hostname: "127.0.0.1", port: proxy.port }).then((c) => c.close(), () => true);
  while (!await isRefused());
  // Its request was on its way: it is answered, and told that it was the last.
  await late.send(get);
  assert.match(await late.rest(), /^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\nok$/);
  assert.equal(await idle.rest(), "");
  letGo();
  assert.equal(await slow.rest(), "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  await passed.rest();
  await closed;
  assert.equal(ingress.counters.active, 0);
});
