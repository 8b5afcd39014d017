import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { parseRoute, type Route } from "../domain/route.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { H2Backend } from "../testing/h2.ts";
import { RawBackend } from "../testing/raw.ts";
import { NoBackend, Upstreams } from "./upstreams.ts";

function upstreams(closing: DisposableStack): Upstreams {
  const all = new Upstreams({
    limits: { connectTimeoutMs: 1000, maxConnections: 100, maxIdle: 10, idleMs: 1000 },
    ca: () => null,
    deadlines: new Deadlines(systemClock),
    clock: systemClock,
    log: silentLogger,
  });
  // Whatever becomes of the test: checks that go on would be held against the next one.
  closing.defer(() => all.close());
  return all;
}

/** A route over these ports with a check every 20 ms, which no operator may ask for. */
function checked(ports: number[], path: string, backendProtocol: string, timeoutMs = 1000): Route {
  const route = parseRoute({
    ...{ listener: "https", hostname: "a.test", mode: "l7", tlsCert: "a.pem", tlsKey: "a.key", backendProtocol },
    backends: ports.map((port) => `127.0.0.1:${port}`),
    healthCheck: { path, intervalMs: 1000, timeoutMs: 500 },
  }, { listeners: ["https"], allowedHosts: ["127.0.0.1"], certificateDir: "/tmp" });
  return { ...route, healthCheck: { path, intervalMs: 20, timeoutMs } };
}

const whoever = {
  repeatable: true,
  fresh: false,
  webSocket: false,
  peer: {
    ends: { source: { address: "127.0.0.1", port: 1 }, destination: { address: "127.0.0.1", port: 2 } },
    hostname: "a.test",
  },
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The ports of the next calls' backends, sorted. */
async function chosen(all: Upstreams, route: Route): Promise<number[]> {
  const calls = [];
  for (let index = 0; index < 4; index++) calls.push(await all.call(route, whoever));
  const ports = calls.map(({ backend }) => backend.port).sort();
  for (const call of calls) call.release(false);
  return [...new Set(ports)];
}

Deno.test("HealthChecks takes a backend out after two failures and in again after one success", async () => {
  let status = 200;
  let failed = 0;
  const heads: string[] = [];
  await using one = new RawBackend(async (connection) => {
    heads.push(await connection.until("\r\n\r\n"));
    if (status === 500) failed++;
    await connection.send(`HTTP/1.1 ${status} x\r\nContent-Length: 0\r\n\r\n`);
  });
  await using two = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send("HTTP/1.1 204 x\r\n\r\n");
  });
  using closing = new DisposableStack();
  const all = upstreams(closing);
  const route = checked([one.port, two.port], "/healthz", "h1");
  const both = [one.port, two.port].sort();
  all.retain([route]);
  await until(() => heads.length >= 1);
  assert.match(heads[0]!, /^GET \/healthz HTTP\/1\.1\r\nHost: a\.test\r\nUser-Agent: mcproxy-health\r\n/);
  assert.deepEqual(await chosen(all, route), both);
  status = 500;
  await until(() => all.health.out.length > 0);
  assert.ok(failed >= 2);
  assert.deepEqual(await chosen(all, route), [two.port]);
  assert.equal(
    all.states().find(({ backend }) => backend.endsWith(`:${one.port}`))!.reason,
    "it fails its health check",
  );
  status = 302;
  await until(() => all.health.out.length === 0);
  assert.deepEqual(await chosen(all, route), both);
});

Deno.test("HealthChecks asks over HTTP/2, notices backends that hang or refuse, and lets all be tried when all are out", async () => {
  await using well = new H2Backend((stream) => stream.respond(200, [], true));
  await using hangs = new H2Backend(() => {});
  using closing = new DisposableStack();
  const all = upstreams(closing);
  const route = checked([well.port, hangs.port], "/", "h2c", 50);
  all.retain([route]);
  await until(() => all.health.out.length > 0);
  assert.deepEqual(await chosen(all, route), [well.port]);
  well.stop();
  for (const connection of well.connections) connection.destroy();
  await until(() => all.health.out.length === 2);
  assert.deepEqual(await chosen(all, route), [hangs.port]);
  all.close();
  await until(() => all.counts().idle === 0);
});

Deno.test("HealthChecks without a path asks for a connection alone, and stops when the route goes", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  using closing = new DisposableStack();
  const all = upstreams(closing);
  const route = checked([port], "", "h1");
  all.retain([route]);
  await until(() => all.health.out.length === 1);
  await assert.rejects(async () => await all.call(route, whoever), NoBackend);
  let accepted = 0;
  const again = Deno.listen({ hostname: "127.0.0.1", port });
  const accepting = (async () => {
    for await (const conn of again) {
      accepted++;
      conn.close();
    }
  })();
  await until(() => all.health.out.length === 0);
  all.retain([]);
  const before = accepted;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(accepted <= before + 1);
  again.close();
  await accepting;
});

Deno.test("HealthChecks takes the statuses that the check names, and asks for its host, in both protocols", async () => {
  const hosts: string[] = [];
  let status = 401;
  await using one = new RawBackend(async (connection) => {
    hosts.push(/^Host: (.*)\r$/m.exec(await connection.until("\r\n\r\n"))![1]!);
    await connection.send(`HTTP/1.1 ${status} x\r\nContent-Length: 0\r\n\r\n`);
  });
  await using two = new H2Backend((stream) => {
    hosts.push(stream.authority);
    stream.respond(status, [], true);
  });
  for (const [port, protocol] of [[one.port, "h1"], [two.port, "h2c"]] as const) {
    hosts.length = 0;
    status = 401;
    using closing = new DisposableStack();
    const all = upstreams(closing);
    const route = checked([port], "/up", protocol);
    const check = { ...route.healthCheck!, expectedStatuses: ["204", "401"], host: "b.test:81" };
    all.retain([{ ...route, healthCheck: check }]);
    await until(() => hosts.length >= 3);
    assert.deepEqual([all.health.out, [...new Set(hosts)]], [[], ["b.test:81"]]);
    // Well for who asks for nothing in particular.
    status = 200;
    await until(() => all.health.out.length === 1);
    status = 204;
    await until(() => all.health.out.length === 0);
  }
});
