import assert from "node:assert/strict";
import { createServer } from "node:http";
import { grpcClient } from "@lib/grpc/mod.ts";
import { CertificateService, RouteService, StatsService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { l4Route, l7Route, type TestProxy, testProxy } from "./testing/proxy.ts";
import { answering, exchange, RawBackend, tlsClient } from "./testing/raw.ts";

const close = "Connection: close\r\n";

/** The body of `GET /` on a connection of its own; "refused" when the handshake fails. */
async function greeting(proxy: TestProxy, hostname: string): Promise<string> {
  try {
    const text = await exchange(
      { port: proxy.port, hostname, ca: proxy.ca },
      `GET / HTTP/1.1\r\nHost: ${hostname}\r\n${close}\r\n`,
    );
    return text.slice(text.indexOf("\r\n\r\n") + 4);
  } catch {
    return "refused";
  }
}

Deno.test("RouteService changes routes for the next connection, over the admin socket", async () => {
  await using one = answering("one");
  await using two = answering("two");
  await using proxy = await testProxy("", { a: ["a.test"] });
  await using routes = grpcClient(RouteService, { address: `unix:${proxy.adminSocket}` });
  const route = {
    listener: "https",
    hostname: "A.test",
    mode: "l7",
    backends: [`127.0.0.1:${one.port}`],
    tlsCert: "a.pem",
    tlsKey: `${proxy.dir}/certs/a.key`,
  };
  assert.equal(await greeting(proxy, "a.test"), "refused");
  const put = await routes.putRoute(route);
  assert.deepEqual([put.hostname, put.tlsCert], ["a.test", `${proxy.dir}/certs/a.pem`]);
  assert.equal(await greeting(proxy, "a.test"), "one");
  // A connection that is open gets the new backend with its next request.
  using open = await tlsClient({ port: proxy.port, hostname: "a.test", ca: proxy.ca });
  await open.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  assert.match(await open.message(), /one$/);
  const again = await routes.putRoute({ ...route, backends: [`127.0.0.1:${two.port}`] });
  assert.deepEqual(again.createdAt, put.createdAt);
  await open.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  assert.match(await open.message(), /two$/);
  assert.equal(await greeting(proxy, "a.test"), "two");
  // Idempotent: nothing changes, not even the time.
  const same = await routes.putRoute({ ...route, backends: [`127.0.0.1:${two.port}`] });
  assert.deepEqual(same, again);
  assert.equal((await routes.deleteRoute({ listener: "https", hostname: "a.test" })).deleted, true);
  assert.equal((await routes.deleteRoute({ listener: "https", hostname: "a.test" })).deleted, false);
  await open.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  assert.match(await open.rest(), /^HTTP\/1\.1 421 Misdirected Request\r\n[^]*this name is no longer served here\n$/);
  assert.equal(await greeting(proxy, "a.test"), "refused");
  await assert.rejects(routes.putRoute({ ...route, backends: ["192.0.2.1:80"] }), {
    code: "invalid",
    field: "backends",
    message: 'backends: "192.0.2.1:80" is on a host that the proxy may not connect to; allowed: 127.0.0.1',
  });
});

Deno.test("Session follows its route when the backend goes away while a request is on its way", async () => {
  await using two = answering("two");
  await using proxy = await testProxy("", { a: ["a.test"] });
  const put = (port: number) =>
    proxy.put({ hostname: "a.test", mode: "l7", backends: [`127.0.0.1:${port}`], tlsCert: "a.pem", tlsKey: "a.key" });
  // Takes the connection, and is replaced and gone before it answers.
  await using one = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    put(two.port);
  });
  put(one.port);
  assert.equal(await greeting(proxy, "a.test"), "two");
  assert.equal(one.accepted, 1);
});

Deno.test("RouteService lists pages in order of listener and name", async () => {
  await using proxy = await testProxy(["c", "a", "b"].map((name) => l4Route(`${name}.test`, 1)).join(""));
  await using routes = grpcClient(RouteService, { address: `unix:${proxy.adminSocket}` });
  const first = await routes.listRoutes({ pageSize: 2 });
  assert.deepEqual(first.routes.map(({ hostname }) => hostname), ["a.test", "b.test"]);
  const second = await routes.listRoutes({ pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual(second.routes.map(({ hostname }) => hostname), ["c.test"]);
  assert.equal(second.nextPageToken, "");
  assert.deepEqual((await routes.listRoutes({ listener: "none" })).routes, []);
});

Deno.test("startServer brings routes back after a restart and seeds a new database only", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(
    l7Route("a.test", "a", backend.port) + l7Route("b.test", "b", backend.port),
    { a: ["a.test"], b: ["b.test"], c: ["c.test"] },
  );
  const { router } = proxy.running;
  router.delete({ listener: "https", hostname: "b.test" });
  proxy.put({
    hostname: "c.test",
    mode: "l7",
    backends: [`127.0.0.1:${backend.port}`],
    tlsCert: "c.pem",
    tlsKey: "c.key",
  });
  await proxy.restart();
  assert.deepEqual(proxy.routes().map(({ hostname }) => hostname), ["a.test", "c.test"]);
  assert.equal(await greeting(proxy, "a.test"), "ok");
  assert.equal(await greeting(proxy, "c.test"), "ok");
  assert.equal(await greeting(proxy, "b.test"), "refused");
  // Not even when all routes are gone.
  for (const hostname of ["a.test", "c.test"]) proxy.running.router.delete({ listener: "https", hostname });
  await proxy.restart();
  assert.deepEqual(proxy.routes(), []);
});

Deno.test("startServer keeps a stored route that the configuration forbids, and reports it", async () => {
  await using proxy = await testProxy("", {});
  proxy.put({ hostname: "a.test", mode: "l4", backends: ["127.0.0.1:1"] });
  const file = `${proxy.dir}/mcproxy.toml`;
  await Deno.writeTextFile(file, `${await Deno.readTextFile(file)}\n[backends]\nallow_hosts = ["127.0.0.2"]\n`);
  await proxy.restart();
  assert.deepEqual(proxy.running.health(), {
    status: "degraded",
    reasons: [
      'route https a.test: backends: "127.0.0.1:1" is on a host that the proxy may not connect to; allowed: 127.0.0.2',
    ],
  });
  assert.equal(proxy.routes().length, 1);
});

Deno.test("startServer refuses a configuration that can't work", async () => {
  const rows: [toml: string, message: RegExp][] = [
    ['[[listeners]]\nname = "https"\naddr = "127.0.0.1:0"\n', /^listeners\.name: "https" is there twice$/],
    [
      '[[listeners]]\nname = "HTTPS 2"\naddr = "127.0.0.1:0"\n',
      /^listeners\.name: must be letters, digits and hyphens/,
    ],
    [l4Route("*.*.test", 1), /^hostname: must be a DNS name/],
  ];
  for (const [toml, message] of rows) await assert.rejects(testProxy(toml), { code: "invalid", message });
});

Deno.test("startServer shares routes and addresses with a second process on the same folder", async () => {
  await using backend = answering("ok");
  await using old = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"], b: ["b.test"] });
  const b = {
    listener: "https",
    hostname: "b.test",
    mode: "l7",
    backends: [`127.0.0.1:${backend.port}`],
    tlsCert: "b.pem",
    tlsKey: "b.key",
  };
  const next = await old.beside();
  // The admin socket is the new one's from the start; the old sees its changes within a look (250 ms).
  await using routes = grpcClient(RouteService, { address: `unix:${old.adminSocket}` });
  await routes.putRoute(b);
  assert.ok(next.router.find("https", "b.test"));
  while (!old.running.router.find("https", "b.test")) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await greeting(old, "b.test"), "ok");
  // When the old one has gone, its socket is still the new one's.
  await old.running[Symbol.asyncDispose]();
  assert.equal((await routes.listRoutes({})).routes.length, 2);
  await next[Symbol.asyncDispose]();
  await old.restart();
});

Deno.test("StatsService, CertificateService, /metrics and /health tell what passed", async () => {
  await using backend = answering("ok");
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  assert.equal(await greeting(proxy, "a.test"), "ok");
  assert.equal(await greeting(proxy, "b.test"), "refused");
  const address = `unix:${proxy.adminSocket}`;
  await using stats = grpcClient(StatsService, { address });
  await using certificates = grpcClient(CertificateService, { address });
  while ((await stats.getStats({})).listeners[0]!.active > 0n);
  const { listeners: [listener], routes: [route] } = await stats.getStats({});
  assert.deepEqual([listener!.name, listener!.accepted, listener!.refused], ["https", 2n, { unknown_name: 1n }]);
  assert.deepEqual([route!.hostname, route!.connections, route!.active, route!.requests], ["a.test", 1n, 0n, 1n]);
  assert.ok(route!.bytesIn > 0n && route!.bytesOut > 0n);
  const listed = await certificates.reloadCertificates({});
  assert.deepEqual(listed.certificates.map(({ names, error }) => [names, error]), [[["a.test"], ""]]);
  const metrics = await (await fetch(`http://${proxy.running.metricsAddress}/metrics`)).text();
  for (
    const line of [
      "mcproxy_routes 1",
      'mcproxy_accepted_total{listener="https"} 2',
      'mcproxy_refused_total{listener="https",reason="unknown_name"} 1',
      'mcproxy_requests_total{listener="https",hostname="a.test",path="/"} 1',
    ]
  ) assert.ok(metrics.includes(`${line}\n`), metrics);
  const health = await (await fetch(`http://${proxy.running.metricsAddress}/health`)).json();
  assert.deepEqual(health, { service: "mcproxy", version: "test", status: "serving", reasons: [] });
});

Deno.test("Session serves applications on Deno.serve and node:http, bodies echoed both ways", async () => {
  const web = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => new Response(request.body));
  const node = createServer((request, response) => void request.pipe(response));
  await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
  const nodePort = (node.address() as { port: number }).port;
  await using proxy = await testProxy(
    l7Route("a.test", "a", web.addr.port) + l7Route("b.test", "b", nodePort),
    { a: ["a.test"], b: ["b.test"] },
  );
  const block = "0123456789abcdef".repeat(4096);
  for (const hostname of ["a.test", "b.test"]) {
    using client = await tlsClient({ port: proxy.port, hostname, ca: proxy.ca });
    const sending = (async () => {
      await client.send(`POST / HTTP/1.1\r\nHost: ${hostname}\r\nTransfer-Encoding: chunked\r\n${close}\r\n`);
      for (let round = 0; round < 16; round++) await client.send(`${block.length.toString(16)}\r\n${block}\r\n`);
      await client.send("0\r\n\r\n");
    })();
    const [answer] = await Promise.all([client.rest(), sending]);
    const body = answer.slice(answer.indexOf("\r\n\r\n") + 4).replaceAll(/[0-9a-f]+\r\n([0-9a-f]*)\r\n/g, "$1");
    assert.equal(body.trimEnd().length, 16 * block.length, hostname);
  }
  await web.shutdown();
  await new Promise((resolve) => node.close(resolve));
});

/** A client's text frame (RFC 6455 §5.2): final, masked with zeros, at most 125 bytes. */
const textFrame = (text: string) => `\x81${String.fromCharCode(0x80 | text.length)}\0\0\0\0${text}`;

Deno.test("Session carries WebSocket frames to an application on Deno.upgradeWebSocket and back", async () => {
  const web = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    socket.onmessage = ({ data }) => socket.send(`echo ${data}`);
    return response;
  });
  await using proxy = await testProxy(l7Route("a.test", "a", web.addr.port), { a: ["a.test"] });
  {
    using client = await tlsClient({ port: proxy.port, hostname: "a.test", ca: proxy.ca });
    await client.send(
      "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    const head = await client.until("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.1 101 /);
    // RFC 6455 §1.3 gives this answer to this key.
    assert.match(head, /\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    for (const text of ["one", "two"]) {
      await client.send(textFrame(text));
      assert.equal(await client.take(2 + 5 + text.length), `\x81${String.fromCharCode(5 + text.length)}echo ${text}`);
    }
    await client.send("\x88\x80\0\0\0\0");
    assert.equal(await client.rest(), "\x88\0");
  }
  await web.shutdown();
});
