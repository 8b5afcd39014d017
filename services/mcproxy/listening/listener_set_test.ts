import assert from "node:assert/strict";
import { unavailable } from "@lib/errors/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { ListenerService, RouteService, StatsService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { silentLogger } from "@lib/log/mod.ts";
import type { ListenerInput } from "../domain/listener.ts";
import type { StoredListener } from "../store/listener_store.ts";
import { l7Route, testProxy } from "../testing/proxy.ts";
import { ListenerCounters } from "../traffic/counters.ts";
import { answering, exchange, RawBackend, RawConnection } from "../testing/raw.ts";
import { ListenerSet } from "./listener_set.ts";

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

const request = "GET / HTTP/1.1\r\nHost: x.b.test\r\nConnection: close\r\n\r\n";

Deno.test("ListenerService opens listeners where the configuration lets it, and keeps them over a restart", async () => {
  const [port, other] = [freePort(), freePort()];
  await using backend = answering("ok");
  await using proxy = await testProxy(
    `[listen]\nallow_addrs = ["127.0.0.1:${port}", "127.0.0.1:${other}"]\n${l7Route("a.test", "a", backend.port)}`,
    { a: ["a.test"] },
  );
  const whom = { address: `unix:${proxy.adminSocket}` };
  {
    await using listeners = grpcClient(ListenerService, whom);
    await using routes = grpcClient(RouteService, whom);
    const put = { name: "alt", address: `127.0.0.1:${port}`, kind: "tls" };
    assert.deepEqual((await listeners.putListener(put)).fromConfig, false);
    await routes.putRoute({
      listener: "alt",
      hostname: "*.b.test",
      mode: "l7",
      backends: [`127.0.0.1:${backend.port}`],
      tlsCert: "a.pem",
      tlsKey: "a.key",
    }).then(() => assert.fail("the certificate is for another name"), (error) => assert.equal(error.field, "tls_cert"));
    await proxy.certify("wild", ["*.b.test"]);
    await routes.putRoute({
      listener: "alt",
      hostname: "*.b.test",
      mode: "l7",
      backends: [`127.0.0.1:${backend.port}`],
      tlsCert: "wild.pem",
      tlsKey: "wild.key",
    });
    const answer = await exchange({ port, hostname: "x.b.test", ca: proxy.ca }, request);
    assert.match(answer, /ok$/);
    // Moves to the other address; what is listed is what is open.
    await listeners.putListener({ ...put, address: `127.0.0.1:${other}` });
    assert.match(await exchange({ port: other, hostname: "x.b.test", ca: proxy.ca }, request), /ok$/);
    assert.deepEqual((await listeners.listListeners({})).listeners.map(({ name, address }) => [name, address]), [
      ["https", `127.0.0.1:${proxy.port}`],
      ["alt", `127.0.0.1:${other}`],
    ]);
    const refused: [change: { name?: string; address?: string; kind?: string }, code: string, message: RegExp][] = [
      [{ address: "127.0.0.1:1" }, "invalid", /^address: "127.0.0.1:1" is no address that the API may listen on/],
      [{ name: "x", address: `127.0.0.1:${other}` }, "conflict", /^Cannot listen on .*: listener "alt" does$/],
      [{ name: "https" }, "conflict", /^Cannot change listener "https": it is the configuration's$/],
      [{ kind: "udp" }, "invalid", /^kind: must be one of tls, tcp, http, got "udp"$/],
      [{ name: "A b" }, "invalid", /^name: must be letters/],
    ];
    for (const [change, code, message] of refused) {
      await assert.rejects(listeners.putListener({ ...put, ...change }), { code, message });
    }
    await assert.rejects(listeners.deleteListener({ name: "alt" }), {
      code: "conflict",
      message: 'Cannot delete listener "alt": 1 of its routes would be cut off',
    });
  }
  await proxy.restart();
  assert.match(await exchange({ port: other, hostname: "x.b.test", ca: proxy.ca }, request), /ok$/);
  await using listeners = grpcClient(ListenerService, whom);
  await using routes = grpcClient(RouteService, whom);
  await routes.deleteRoute({ listener: "alt", hostname: "*.b.test" });
  assert.equal((await listeners.deleteListener({ name: "alt" })).deleted, true);
  assert.equal((await listeners.deleteListener({ name: "alt" })).deleted, false);
  // What waits in its queue is taken before it closes.
  for (let refused = false; !refused;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port: other })).close();
    } catch (error) {
      refused = error instanceof Deno.errors.ConnectionRefused;
      // Who connects in the very turn of the closing is reset.
      assert.ok(refused || error instanceof Deno.errors.ConnectionReset, String(error));
    }
  }
});

Deno.test("a listener of kind tcp gives every byte to its one route, and its PROXY senders must say who the client is", async () => {
  const port = freePort();
  const seen: string[] = [];
  await using backend = new RawBackend(async (connection) => {
    // Speaks first, as SMTP does.
    await connection.send("220 ready\r\n");
    seen.push(await connection.until("bye\r\n"));
  });
  await using proxy = await testProxy(`[listen]\nallow_addrs = ["127.0.0.1:${port}"]\n`);
  const whom = { address: `unix:${proxy.adminSocket}` };
  await using listeners = grpcClient(ListenerService, whom);
  await using routes = grpcClient(RouteService, whom);
  await using stats = grpcClient(StatsService, whom);
  const listener = { name: "mail", address: `127.0.0.1:${port}`, kind: "tcp" };
  await listeners.putListener(listener);
  await assert.rejects(
    routes.putRoute({ listener: "mail", hostname: "a.test", mode: "l4", backends: [`127.0.0.1:${backend.port}`] }),
    { code: "invalid", message: 'hostname: listener "mail" knows no names: its route is mode "l4", hostname "*"' },
  );
  const connect = async () => new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port }));
  {
    using none = await connect();
    assert.equal(await none.rest(), "");
  }
  const route = { listener: "mail", hostname: "*", mode: "l4", backends: [`127.0.0.1:${backend.port}`] };
  await routes.putRoute(route);
  {
    using client = await connect();
    assert.equal(await client.until("\r\n"), "220 ready\r\n");
    const [open] = (await stats.listConnections({})).connections;
    assert.deepEqual([open!.protocol, open!.listener, open!.bytesOut], ["tcp", "mail", 11n]);
    await client.send("bye\r\n");
    assert.equal(await client.rest(), "");
  }
  await routes.putRoute({ ...route, sendProxyProtocol: "v1" });
  await listeners.putListener({ ...listener, proxyProtocolFrom: ["127.0.0.0/8"] });
  {
    using client = await connect();
    await client.send("PROXY TCP4 192.0.2.7 192.0.2.1 4000 25\r\nbye\r\n");
    assert.equal(await client.until("\r\n"), "220 ready\r\n");
  }
  {
    using stranger = await connect();
    await stranger.send("bye\r\n");
    assert.equal(await stranger.rest(), "");
  }
  assert.deepEqual(seen, ["bye\r\n", "PROXY TCP4 192.0.2.7 192.0.2.1 4000 25\r\nbye\r\n"]);
  const { listeners: [, mail] } = await stats.getStats({});
  assert.deepEqual(mail!.refused, { no_route: 1n, no_proxy_header: 1n });
});

Deno.test("ListenerSet.put leaves nothing open that it could not store", () => {
  const address = "127.0.0.1:8443";
  const events: string[] = [];
  const rows: StoredListener[] = [];
  let isFull = false;
  const set = new ListenerSet({
    configured: [],
    store: {
      all: () => rows,
      put: (row) => {
        if (isFull) throw unavailable("The disk is full");
        rows.splice(0, 1, row);
      },
      delete: () => false,
    },
    allowedAddresses: [address],
    open: ({ kind }) => {
      events.push(`open ${kind}`);
      return {
        address,
        counters: new ListenerCounters(),
        trust: (senders) => void events.push(`trust ${senders.join()}`),
        close: () => {
          events.push(`close ${kind}`);
          return Promise.resolve();
        },
      };
    },
    routesOn: () => 0,
    changed: () => {},
    drainMs: 0,
    log: silentLogger,
  });
  set.start();
  const put = (more: Partial<ListenerInput> = {}) =>
    set.put({ name: "alt", address, kind: "tls", proxyProtocolFrom: [], ...more });
  isFull = true;
  assert.throws(() => put(), { code: "unavailable" });
  assert.deepEqual([events.splice(0), set.all().length], [["open tls", "close tls"], 0]);
  isFull = false;
  put();
  isFull = true;
  assert.throws(() => put({ proxyProtocolFrom: ["10.0.0.1"] }), { code: "unavailable" });
  assert.throws(() => put({ kind: "http" }), { code: "unavailable" });
  assert.deepEqual(events, ["open tls", "trust 10.0.0.1", "trust ", "open http", "close http"]);
  assert.deepEqual(set.all().map(({ listener }) => listener.kind), ["tls"]);
});
