import assert from "node:assert/strict";
import { join } from "node:path";
import { grpcClient } from "@lib/grpc/mod.ts";
import { FirewallService, StatsService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { H2Client } from "../testing/h2.ts";
import { l4Route, l7Route, type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering, exchange, RawBackend, RawConnection } from "../testing/raw.ts";

const logged = '[access_log]\ndir = "log"\n';

/** What is in the log once the proxy has stopped. */
async function stopAndRead(proxy: TestProxy): Promise<Record<string, unknown>[]> {
  await proxy.running[Symbol.asyncDispose]();
  const text = await Deno.readTextFile(join(proxy.dir, "log", "access.log"));
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

/** The fields of a line that are the same at every run. */
function steady({ time, duration_ms, ...rest }: Record<string, unknown>): Record<string, unknown> {
  assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000, String(time));
  assert.ok(typeof duration_ms === "number" && duration_ms >= 0 && duration_ms < 60_000, String(duration_ms));
  return rest;
}

Deno.test("access log has a line for each request and each passthrough connection, whatever became of it", async () => {
  await using backend = answering("hello");
  await using broken = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  await using echo = new RawBackend(async (connection) => {
    await connection.until("\r\n\r\n");
    await connection.send("bytes");
  });
  await using proxy = await testProxy(
    logged + '[[listeners]]\nname = "raw"\naddr = "127.0.0.1:0"\nkind = "tcp"\n' +
      l7Route("a.test", "a", backend.port) + l7Route("b.test", "b", broken.port) +
      l4Route("*", echo.port).replace('"https"', '"raw"'),
    { a: ["a.test"], b: ["b.test"] },
  );
  await using rules = grpcClient(FirewallService, { address: `unix:${proxy.adminSocket}` });
  await rules.putRule({ id: "no-bots", action: "block", userAgents: ["*bot*"] });
  const at = (hostname: string) => ({ port: proxy.port, hostname, ca: proxy.ca });
  const head = "Host: a.test\r\nConnection: close\r\n";
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";

  await exchange(
    at("a.test"),
    `POST /p?secret HTTP/1.1\r\n${head}User-Agent: curl\r\nContent-Length: 3\r\nCookie: secret=1\r\n` +
      `Authorization: Bearer secret\r\ntraceparent: 00-${trace}-00f067aa0ba902b7-01\r\nX-Request-Id: r1\r\n\r\nabc`,
  );
  await exchange(at("a.test"), `GET / HTTP/1.1\r\n${head}User-Agent: some bot\r\n\r\n`);
  await exchange(at("a.test"), `nonsense\r\n\r\n`);
  assert.match(await exchange(at("b.test"), "GET /half HTTP/1.1\r\nHost: b.test\r\n\r\n"), /half<cut>$/);
  {
    await using client = await H2Client.connect(at("a.test"));
    await client.ask({ path: "/h2" });
  }
  const raw = proxy.running.listeners.all().find(({ listener }) => listener.name === "raw")!;
  {
    using client = new RawConnection(
      await Deno.connect({ hostname: "127.0.0.1", port: Number(raw.address.split(":").at(-1)) }),
    );
    await client.send("ask\r\n\r\n");
    assert.equal(await client.rest(), "bytes");
  }

  const common = { client: "127.0.0.1", listener: "https" };
  const a = { ...common, hostname: "a.test" };
  const http1 = { tls: "1.3", alpn: "http/1.1" };
  assert.deepEqual((await stopAndRead(proxy)).map(steady), [
    {
      ...a,
      ...{ method: "POST", path: "/p", protocol: "http/1.1", status: 200, request_bytes: 3, response_bytes: 5 },
      ...{ backend: `127.0.0.1:${backend.port}`, user_agent: "curl", ...http1, trace_id: trace, request_id: "r1" },
    },
    {
      ...a,
      ...{ method: "GET", path: "/", protocol: "http/1.1", status: 403, request_bytes: 0, response_bytes: 27 },
      ...{ rule: "no-bots", user_agent: "some bot", ...http1 },
    },
    { ...a, protocol: "http/1.1", status: 400, request_bytes: 0, response_bytes: 0, ...http1 },
    {
      ...common,
      ...{ hostname: "b.test", method: "GET", path: "/half", protocol: "http/1.1", status: 200, request_bytes: 0 },
      ...{ response_bytes: 4, backend: `127.0.0.1:${broken.port}`, ...http1, cut: true },
    },
    {
      ...a,
      ...{ method: "GET", path: "/h2", protocol: "h2", status: 200, request_bytes: 0, response_bytes: 5 },
      ...{ backend: `127.0.0.1:${backend.port}`, tls: "1.3", alpn: "h2" },
    },
    {
      ...{ client: "127.0.0.1", listener: "raw", hostname: "", protocol: "tcp", request_bytes: 7, response_bytes: 5 },
      backend: `127.0.0.1:${echo.port}`,
    },
  ]);
});

Deno.test("a request over a rate limit is told when to come back, on either protocol", async () => {
  await using backend = answering("hello");
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port), { a: ["a.test"] });
  await using rules = grpcClient(FirewallService, { address: `unix:${proxy.adminSocket}` });
  await rules.putRule({ id: "slow", action: "limit", paths: ["/slow"], rate: { perSecond: 0.1, burst: 1 } });
  const at = { port: proxy.port, hostname: "a.test", ca: proxy.ca };
  const request = "GET /slow HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
  assert.match(await exchange(at, request), /^HTTP\/1\.1 200/);
  assert.match(
    await exchange(at, request),
    /^HTTP\/1\.1 429 Too Many Requests\r\n[^]*retry-after: 10\r\n[^]*\r\n\r\n429 Too Many Requests: too many requests\n$/,
  );
  await using client = await H2Client.connect(at);
  const answer = await client.ask({ path: "/slow" });
  assert.deepEqual([answer.status, answer.fields.filter((line) => line.startsWith("retry"))], [429, [
    "retry-after: 10",
  ]]);
});

Deno.test("GetStats and /metrics tell responses by class, how long they took, the firewall's hits and failing backends", async () => {
  await using backend = new RawBackend(async (connection) => {
    for (;;) {
      const message = await connection.message();
      await new Promise((resolve) => setTimeout(resolve, 20));
      await connection.send(`HTTP/1.1 ${message.startsWith("GET /404") ? 404 : 200} X\r\nContent-Length: 0\r\n\r\n`);
    }
  });
  await using proxy = await testProxy(l7Route("a.test", "a", backend.port) + l7Route("b.test", "b", 9), {
    a: ["a.test"],
    b: ["b.test"],
  });
  const address = `unix:${proxy.adminSocket}`;
  await using rules = grpcClient(FirewallService, { address });
  await using stats = grpcClient(StatsService, { address });
  await rules.putRule({ id: "admin", action: "block", paths: ["/admin"] });
  await rules.putRule({ id: "often", action: "limit", paths: ["*"], rate: { perSecond: 100, burst: 100 } });
  for (const path of ["/", "/", "/404", "/admin"]) {
    await exchange(
      { port: proxy.port, hostname: "a.test", ca: proxy.ca },
      `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`,
    );
  }
  await exchange({ port: proxy.port, hostname: "b.test", ca: proxy.ca }, "GET / HTTP/1.0\r\nHost: b.test\r\n\r\n");

  const { routes: [a, b], backends } = await stats.getStats({});
  assert.deepEqual([a!.responses, b!.responses], [{ "2xx": 2n, "4xx": 2n }, { "5xx": 1n }]);
  assert.ok(a!.latencyP50Ms > 15 && a!.latencyP99Ms < 1000, `${a!.latencyP50Ms} ${a!.latencyP99Ms}`);
  const state = new Map(backends.map(({ backend, failing, reason }) => [backend, failing ? reason : "well"]));
  assert.equal(state.get(`127.0.0.1:${backend.port}`), "well");
  assert.match(state.get("127.0.0.1:9") ?? "", /refused/);

  const metrics = await (await fetch(`http://${proxy.running.metricsAddress}/metrics`)).text();
  const route = 'listener="https",hostname="a.test",path="/"';
  for (
    const line of [
      `mcproxy_responses_total{${route},class="2xx"} 2`,
      `mcproxy_responses_total{${route},class="4xx"} 2`,
      `mcproxy_request_duration_seconds_bucket{${route},le="0.01"} 0`,
      `mcproxy_request_duration_seconds_bucket{${route},le="+Inf"} 3`,
      `mcproxy_request_duration_seconds_count{${route}} 3`,
      'mcproxy_firewall_hits_total{rule="admin",result="blocked"} 1',
      'mcproxy_firewall_hits_total{rule="often",result="passed"} 4',
      'mcproxy_firewall_hits_total{rule="often",result="limited"} 0',
      "mcproxy_firewall_buckets 1",
      'mcproxy_backend_failing{backend="127.0.0.1:9"} 1',
      `mcproxy_backend_failing{backend="127.0.0.1:${backend.port}"} 0`,
    ]
  ) assert.ok(metrics.includes(`${line}\n`), `${line}\n${metrics}`);

  // What is gone is told no more.
  await rules.deleteRule({ id: "admin" });
  proxy.running.router.delete({ listener: "https", hostname: "a.test" });
  assert.doesNotMatch(
    await (await fetch(`http://${proxy.running.metricsAddress}/metrics`)).text(),
    /a\.test|rule="admin"/,
  );
});
