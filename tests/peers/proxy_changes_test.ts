/**
 * Changes under load: routes come and go, certificates are swapped, the process is replaced, and no request fails.
 */
import assert from "node:assert/strict";
import { answering, type RawBackend, RawConnection } from "../../services/mcproxy/testing/raw.ts";
import { McproxyProcess } from "./mcproxy_process.ts";

/** What a load has seen. */
interface Seen {
  requests: number;
  connections: number;
  /** Why requests failed, in words. */
  readonly failures: string[];
  /** Serial numbers of the certificates and bodies that were answered with. */
  readonly bodies: Set<string>;
}

const request = (name: string) => `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`;

async function connect(proxy: McproxyProcess, name: string, ca: string): Promise<RawConnection> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  tcp.setNoDelay(true);
  const conn = await Deno.startTls(tcp, { hostname: name, caCerts: [ca], alpnProtocols: ["http/1.1"] });
  await conn.handshake();
  return new RawConnection(conn);
}

/**
 * Asks until told to stop, on connections of up to `perConnection` requests each. A connection ends only after an answer
 * that says so: everything else is a failure.
 */
async function load(proxy: McproxyProcess, name: string, perConnection: number, stop: AbortSignal, seen: Seen) {
  const ca = proxy.authority.root;
  while (!stop.aborted) {
    let asked = 0;
    try {
      using client = await connect(proxy, name, ca);
      seen.connections++;
      while (asked < perConnection && !stop.aborted) {
        await client.send(request(name));
        const answer = await client.message();
        asked++;
        seen.requests++;
        const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
        if (answer.startsWith("HTTP/1.1 200 ")) seen.bodies.add(body);
        else seen.failures.push(answer.slice(0, answer.indexOf("\r\n")));
        if (/^connection: close\r$/im.test(answer)) break;
      }
    } catch (error) {
      seen.failures.push(`request ${asked + 1} of a connection: ${error}`);
    }
  }
}

async function until(seen: Seen, requests: number): Promise<void> {
  for (const since = performance.now(); seen.requests < requests;) {
    if (performance.now() - since > 20_000) throw new Error(`stuck at ${JSON.stringify(seen)}`);
    await pause();
  }
}

/** Runs `work` while eight clients ask. */
async function underLoad(proxy: McproxyProcess, name: string, work: () => Promise<void>): Promise<Seen> {
  const seen: Seen = { requests: 0, connections: 0, failures: [], bodies: new Set() };
  const stop = new AbortController();
  const clients = Array.from(
    { length: 8 },
    (_, i) => load(proxy, name, i % 2 === 0 ? 1 : 1_000_000, stop.signal, seen),
  );
  try {
    // Under way before anything changes, and after.
    await until(seen, 200);
    await work();
    await until(seen, seen.requests + 200);
  } finally {
    stop.abort();
    await Promise.all(clients);
  }
  return seen;
}

const to = ({ port }: RawBackend) => [`127.0.0.1:${port}`];
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

Deno.test("MC-Proxy loses no request while routes are added, changed and removed", async () => {
  await using one = answering("one");
  await using two = answering("two");
  await using proxy = await McproxyProcess.start({ names: ["web.test", "other.test"] });
  await proxy.put({ hostname: "web.test", backends: to(one) });
  const seen = await underLoad(proxy, "web.test", async () => {
    await using routes = proxy.routes();
    for (let turn = 0; turn < 30; turn++) {
      await proxy.put({ hostname: "other.test", backends: to(one) });
      await proxy.put({ hostname: "web.test", backends: turn % 2 === 0 ? to(two) : [...to(one), ...to(two)] });
      await proxy.put({ hostname: "web.test", path: "/api", backends: to(two) });
      await pause();
      await routes.deleteRoute({ listener: "https", hostname: "web.test", path: "/api" });
      await routes.deleteRoute({ listener: "https", hostname: "other.test" });
    }
  });
  assert.deepEqual(seen.failures, []);
  assert.deepEqual([...seen.bodies].sort(), ["one", "two"]);
});

Deno.test("MC-Proxy loses no request while a certificate is swapped, and serves the new one then", async () => {
  await using one = answering("one");
  await using proxy = await McproxyProcess.start();
  await proxy.put({ hostname: "web.test", backends: to(one) });
  await using certificates = proxy.certificates();
  const ends = async () =>
    (await certificates.listCertificates({})).certificates.map(({ notAfter }) => notAfter!.seconds);
  const [before] = await ends();
  const later = new Date(Date.now() + 60 * 86_400_000);
  const seen = await underLoad(proxy, "web.test", async () => {
    for (let turn = 0; turn < 10; turn++) {
      await proxy.certify("web", ["web.test"], new Date(later.getTime() + turn * 1000));
      await certificates.reloadCertificates({});
      await pause();
    }
    // A pair that doesn't fit together leaves the last good one in place.
    Deno.writeTextFileSync(`${proxy.folder}/certs/web.key`, "no key");
    await certificates.reloadCertificates({});
  });
  assert.deepEqual(seen.failures, []);
  const [row] = (await certificates.listCertificates({})).certificates;
  assert.ok(row!.notAfter!.seconds > before!, "the new certificate is served");
  assert.match(row!.error, /holds no unencrypted PEM private key/);
});

Deno.test("MC-Proxy loses no request while one process takes over from the other, three times", async () => {
  await using one = answering("one");
  await using proxy = await McproxyProcess.start();
  await proxy.put({ hostname: "web.test", backends: to(one) });
  const seen = await underLoad(proxy, "web.test", async () => {
    for (let turn = 0; turn < 3; turn++) await proxy.replace();
  });
  assert.ok(seen.connections > 20, String(seen.connections));
  // The kernel resets whoever is in the middle of connecting when the old listener closes, unless it may hand them over
  // (net.ipv4.tcp_migrate_req); acceptLoop leaves that to a single turn of the event loop.
  const migrates = Deno.readTextFileSync("/proc/sys/net/ipv4/tcp_migrate_req").trim() === "1";
  const resets = seen.failures.filter((text) => /^request 1 of a connection: ConnectionReset/.test(text));
  assert.deepEqual(seen.failures.filter((text) => !resets.includes(text)), []);
  assert.ok(resets.length <= (migrates ? 0 : 3), resets.join("\n"));
});
