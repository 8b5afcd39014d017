/**
 * MC-Proxy under attack: while somebody floods it, others are served, its memory stays bounded, and when it is over
 * nothing is left of it.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { clientHello, seeded } from "@lib/testing/mod.ts";
import { RawConnection } from "../../services/mcproxy/testing/raw.ts";
import { freePort, type HttpProxy, startNginx } from "./http_proxies.ts";
import { McproxyProcess } from "./mcproxy_process.ts";
import { attacks } from "./proxy_flooder.ts";
import { withTools } from "./tools.ts";

const mib = 1024 * 1024;
const floodSeconds = 4;
/**
 * What 99 of 100 requests of others take is printed: below 100 ms where the machine has nothing else to do. More than this
 * is no busy machine but a proxy that serves one after the other.
 */
const patienceMs = 1500;
/** Above it the flood is tried once more. */
const quietMs = 100;
/** Requests of others that must have been served during a flood. */
const fewestTimes = 20;
/** What the proxy may need more than before, over all floods together, bytes: its heap has at most 256 MiB. */
const growthBytes = 192 * mib;
const flooder = fileURLToPath(new URL("./proxy_flooder.ts", import.meta.url));
const config = fileURLToPath(new URL("../../deno.json", import.meta.url));

async function ask(proxy: McproxyProcess): Promise<RawConnection> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  tcp.setNoDelay(true);
  const conn = await Deno.startTls(tcp, {
    hostname: "web.test",
    caCerts: [proxy.authority.root],
    alpnProtocols: ["http/1.1"],
  });
  await conn.handshake();
  return new RawConnection(conn);
}

const request = "GET / HTTP/1.1\r\nHost: web.test\r\n\r\n";

/** Requests of somebody who means no harm, one after the other, every fourth on a new connection. @returns their times, ms */
async function served(proxy: McproxyProcess, stop: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  let kept = await ask(proxy);
  while (!stop.aborted) {
    const since = performance.now();
    if (times.length % 4 === 0) {
      kept.close();
      kept = await ask(proxy);
    }
    await kept.send(request);
    assert.match(await kept.message(), /^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
    times.push(performance.now() - since);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  kept.close();
  return times;
}

/** Has a process flood the proxy. @returns what requests of somebody else took meanwhile, ms */
async function flooded(proxy: McproxyProcess, kind: string): Promise<number[]> {
  const stop = new AbortController();
  const others = served(proxy, stop.signal);
  // Waited for when the flood is over.
  others.catch(() => {});
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--config", config, "--allow-net=127.0.0.1", `--allow-read=${proxy.ca}`, flooder],
      ...[kind, String(proxy.port), proxy.ca, String(floodSeconds)],
    ],
  });
  const { code, stdout, stderr } = await child.output();
  stop.abort();
  const times = await others;
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.ok(Number(new TextDecoder().decode(stdout)) >= 1, "the flood took place");
  return times;
}

function percentile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))]!;
}

/** A backend in a process of its own: small answers, and large ones for those who then don't read them. */
async function backend(): Promise<HttpProxy & { readonly port: number }> {
  const port = freePort();
  const nginx = await startNginx(
    (folder) => `
http {
  keepalive_requests 1000000;
  server {
    access_log off;
    listen 127.0.0.1:${port} backlog=4096;
    location / { return 200 "ok"; }
    location /large { root ${folder}; }
  }
}`,
    { large: "a".repeat(8 * mib) },
  );
  return Object.assign(nginx, { port });
}

/** How many this process may open, which a child may, too. */
function descriptors(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1]);
}

/** Resolves when the proxy holds no more descriptors than that. */
async function settled(proxy: McproxyProcess, fds: number): Promise<void> {
  for (const since = performance.now(); proxy.fds > fds;) {
    if (performance.now() - since > 20_000) throw new Error(`${proxy.fds} descriptors are open, ${fds} were before`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const limits = [
  "hello_timeout_ms = 1000",
  "handshake_timeout_ms = 2000",
  "head_timeout_ms = 1000",
  "body_timeout_ms = 2000",
  "keepalive_timeout_ms = 3000",
  "stream_idle_ms = 4000",
];

Deno.test({
  ...withTools(
    "MC-Proxy serves others while it is flooded, in bounded memory, and gives back every descriptor",
    "nginx",
  ),
  fn: async (t) => {
    await using web = await backend();
    await using proxy = await McproxyProcess.start({ config: { limits } });
    await proxy.put({ hostname: "web.test", backends: [`127.0.0.1:${web.port}`] });
    // Code is compiled and pools are filled before anything is measured.
    await served(proxy, AbortSignal.timeout(500));
    await settled(proxy, proxy.fds);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const fds = proxy.fds;
    const rss = proxy.rss;
    for (const kind of Object.keys(attacks)) {
      await t.step(kind, async () => {
        // Other programs of this machine may be in the way of one run; of two, the better one shows the proxy.
        let times = await flooded(proxy, kind);
        if (percentile(times, 0.99) >= quietMs) {
          const again = await flooded(proxy, kind);
          if (percentile(again, 0.99) < percentile(times, 0.99)) times = again;
        }
        const p99 = percentile(times, 0.99);
        const grown = (proxy.rss - rss) / mib;
        console.log(
          `${kind}: of ${times.length} requests of others half took ${
            percentile(times, 0.5).toFixed(1)
          } ms, 99 of 100 ${p99.toFixed(1)} ms; memory ${grown.toFixed(0)} MiB above before`,
        );
        assert.ok(times.length >= fewestTimes, `${times.length} requests were served`);
        assert.ok(p99 < patienceMs, `99 of 100 requests took up to ${p99} ms`);
        assert.ok(grown * mib < growthBytes, `${grown} MiB`);
      });
    }
    await settled(proxy, fds);
  },
});

Deno.test({
  ...withTools("MC-Proxy holds 10,000 idle TLS connections and serves others, and gives all back", "nginx"),
  fn: async () => {
    await using web = await backend();
    await using proxy = await McproxyProcess.start();
    await proxy.put({ hostname: "web.test", backends: [`127.0.0.1:${web.port}`] });
    await served(proxy, AbortSignal.timeout(500));
    const fds = proxy.fds;
    const before = proxy.rss;
    const open: RawConnection[] = [];
    // As many as this process may have descriptors for, which on CI's machines is all of them.
    const wanted = Math.min(10_000, descriptors() - 1000);
    // Both ends have a descriptor for each, this process's among them.
    await Promise.all(Array.from({ length: 8 }, async () => {
      while (open.length < wanted) {
        const client = await ask(proxy);
        await client.send(request);
        await client.message();
        open.push(client);
      }
    }));
    const perConnection = (proxy.rss - before) / open.length / 1024;
    const times = await served(proxy, AbortSignal.timeout(1000));
    console.log(
      `${open.length} open: ${perConnection.toFixed(1)} KiB each, others ${percentile(times, 0.99).toFixed(1)} ms`,
    );
    assert.ok(proxy.fds >= wanted);
    assert.ok(perConnection < 100, `${perConnection} KiB each`);
    for (const client of open) client.close();
    await settled(proxy, fds + 2);
  },
});

Deno.test({
  ...withTools(
    "MC-Proxy survives 7,000 fuzzed hellos: each is refused, others are served, every descriptor comes back",
    "nginx",
  ),
  fn: async () => {
    await using web = await backend();
    await using proxy = await McproxyProcess.start({ config: { limits } });
    await proxy.put({ hostname: "web.test", backends: [`127.0.0.1:${web.port}`] });
    await served(proxy, AbortSignal.timeout(500));
    const fds = proxy.fds;
    const before = proxy.rss;
    const hello = await clientHello("web.test", ["h2", "http/1.1"]);
    const below = seeded(2026);
    const stop = new AbortController();
    const others = served(proxy, stop.signal);
    let left = 7000;
    await Promise.all(Array.from({ length: 16 }, async () => {
      while (left-- > 0) {
        const bytes = hello.slice(0, 1 + below(hello.length));
        for (let change = below(8); change >= 0; change--) bytes[below(bytes.length)] = below(256);
        using conn = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
        await conn.write(bytes).catch(() => {});
        await conn.closeWrite().catch(() => {});
        const buffer = new Uint8Array(4096);
        while (await conn.read(buffer).catch(() => null) !== null);
      }
    }));
    stop.abort();
    assert.ok((await others).length > 10);
    await settled(proxy, fds + 2);
    assert.ok(proxy.rss - before < growthBytes, `${(proxy.rss - before) / mib} MiB`);
    await using stats = proxy.stats();
    const [listener] = (await stats.getStats({})).listeners;
    const refused = Object.values(listener!.refused).reduce((sum, count) => sum + count, 0n);
    assert.ok(refused > 6000n, `${refused} refused`);
  },
});
