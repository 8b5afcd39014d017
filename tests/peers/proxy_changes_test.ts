/**
 * Changes under load: routes come and go, certificates are swapped, the process is replaced, and no request fails,
 * whatever the clients speak.
 */
import assert from "node:assert/strict";
import { tlsClient } from "../../services/mcproxy/testing/raw.ts";
import { type Backend, loadKinds, type Seen, underLoad } from "./change_loads.ts";
import { McproxyProcess } from "./mcproxy_process.ts";

const to = ({ port }: Backend) => [`127.0.0.1:${port}`];
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A connection that was open before a change, and is used until it ends. */
interface Held {
  /** Lines that came back. */
  echoes: number;
  /** On `performance.now`; 0 while it lives. */
  endedAt: number;
  /** Closes it. */
  end(): void;
  readonly done: Promise<void>;
}

/** An L4 connection that asks every 20 ms. */
async function hold(proxy: McproxyProcess, hostname: string): Promise<Held> {
  const client = await tlsClient({ port: proxy.port, hostname, ca: proxy.authority.root });
  let ending = false;
  const held = { echoes: 0, endedAt: 0, end: () => void (ending = true) };
  const talk = async () => {
    try {
      while (!ending) {
        await client.send("held\n");
        await client.until("\n");
        held.echoes++;
        await pause();
      }
    } catch {
      held.endedAt = performance.now();
    }
    client.close();
  };
  return Object.assign(held, { done: talk() });
}

for (const kind of loadKinds) {
  const { mode } = kind;

  Deno.test(`MC-Proxy loses no ${kind.name} request while routes are added, changed and removed`, async () => {
    await using proxy = await McproxyProcess.start({ names: ["web.test", "other.test"] });
    await using one = await kind.backend(proxy, "one");
    await using two = await kind.backend(proxy, "two");
    await proxy.put({ hostname: "web.test", mode, backends: to(one) });
    const held = mode === "l4" ? await hold(proxy, "web.test") : null;
    const seen = await underLoad(kind, proxy, "web.test", async () => {
      await using routes = proxy.routes();
      for (let turn = 0; turn < 30; turn++) {
        await proxy.put({ hostname: "other.test", mode, backends: to(one) });
        await proxy.put({ hostname: "web.test", mode, backends: turn % 2 === 0 ? to(two) : [...to(one), ...to(two)] });
        if (mode === "l7") await proxy.put({ hostname: "web.test", path: "/api", backends: to(two) });
        await pause();
        if (mode === "l7") await routes.deleteRoute({ listener: "https", hostname: "web.test", path: "/api" });
        await routes.deleteRoute({ listener: "https", hostname: "other.test" });
      }
    });
    assert.deepEqual(seen.failures, []);
    assert.deepEqual([...seen.bodies].sort(), ["one", "two"]);
    held?.end();
    await held?.done;
    assert.equal(held?.endedAt ?? 0, 0, "a connection that was open lives on");
  });

  Deno.test(`MC-Proxy loses no ${kind.name} request while a certificate is swapped, and serves the new one then`, async () => {
    await using proxy = await McproxyProcess.start({ names: ["web.test", "l7.test"] });
    await using one = await kind.backend(proxy, "one");
    await proxy.put({ hostname: "web.test", mode, backends: to(one) });
    // Passthrough has no certificate of its own: others' are swapped beside it.
    if (mode === "l4") await proxy.put({ hostname: "l7.test", backends: to(one) });
    await using certificates = proxy.certificates();
    const ends = async () =>
      (await certificates.listCertificates({})).certificates.map(({ notAfter }) => notAfter!.seconds);
    const [before] = await ends();
    const later = new Date(Date.now() + 60 * 86_400_000);
    const seen = await underLoad(kind, proxy, "web.test", async () => {
      for (let turn = 0; turn < 10; turn++) {
        await proxy.certify("web", ["web.test", "l7.test"], new Date(later.getTime() + turn * 1000));
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

  Deno.test(`MC-Proxy loses no ${kind.name} request while one process takes over from the other, three times`, async () => {
    await using proxy = await McproxyProcess.start();
    await using one = await kind.backend(proxy, "one");
    await proxy.put({ hostname: "web.test", mode, backends: to(one) });
    const seen = await underLoad(kind, proxy, "web.test", async () => {
      for (let turn = 0; turn < 3; turn++) await proxy.replace();
    });
    assert.ok(seen.connections > 20, String(seen.connections));
    assertTakenOver(seen);
  });
}

/**
 * The kernel resets whoever is in the middle of connecting when the old listener closes, unless it may hand them over
 * (net.ipv4.tcp_migrate_req); acceptLoop leaves that to a single turn of the event loop.
 */
function assertTakenOver({ failures }: Seen): void {
  const migrates = Deno.readTextFileSync("/proc/sys/net/ipv4/tcp_migrate_req").trim() === "1";
  const resets = failures.filter((text) => /^request 1 of a connection: ConnectionReset/.test(text));
  assert.deepEqual(failures.filter((text) => !resets.includes(text)), []);
  assert.ok(resets.length <= (migrates ? 0 : 3), resets.join("\n"));
}

Deno.test("MC-Proxy lets passthrough connections live until its drain ends, and no longer", async () => {
  const drainMs = 1500;
  await using proxy = await McproxyProcess.start({ config: { server: [`shutdown_timeout_ms = ${drainMs}`] } });
  const l4 = loadKinds.find(({ mode }) => mode === "l4")!;
  await using one = await l4.backend(proxy, "one");
  await proxy.put({ hostname: "web.test", mode: "l4", backends: to(one) });
  const all = await Promise.all(Array.from({ length: 10 }, () => hold(proxy, "web.test")));
  let askedAt = 0;
  await proxy.replace(() => askedAt = performance.now());
  await Promise.all(all.map(({ done }) => done));
  for (const { endedAt, echoes } of all) {
    assert.ok(endedAt - askedAt >= drainMs - 50, `ended after ${Math.round(endedAt - askedAt)} ms`);
    assert.ok(echoes > 20, `${echoes} echoes`);
  }
});
