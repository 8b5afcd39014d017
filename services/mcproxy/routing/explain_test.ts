import assert from "node:assert/strict";
import { grpcClient } from "@lib/grpc/mod.ts";
import { clientHello, seeded } from "@lib/testing/mod.ts";
import { FirewallService, ListenerService, RouteService, StatsService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { country, writeMmdb } from "../firewall/testing/mmdb_writer.ts";
import { type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering, RawBackend, RawConnection } from "../testing/raw.ts";

/** What became of a request, in one word: a status, "l4 <backend>", "l7 <backend>", or "refused". */
type Fate = string;

const agents = ["", "curl/8", "BadBot 1.0", "Mozilla/5.0"];
const paths = ["/", "/api/x", "/apis", "/admin/users", "/%61dmin", "/x/../admin/", "/old", "/down"];
const names = ["pass.test", "web.test", "a.wild.test", "b.c.wild.test", "nowhere.test"];
/** Three lands, and addresses that no database knows. */
const addresses = ["192.0.2.1", "192.0.2.200", "198.51.100.7", "203.0.113.9", "203.0.113.77", "10.1.2.3"];

/** Connects as the client at `address`, by a PROXY header. */
async function connectAs(port: number, address: string): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(`PROXY TCP4 ${address} 192.0.2.99 4000 443\r\n`));
  return conn;
}

/** Sends a name's hello and says what comes back when the connection isn't for us to end. */
async function rawFate(port: number, address: string, hello: Uint8Array): Promise<Fate> {
  using conn = new RawConnection(await connectAs(port, address));
  await conn.conn.write(hello);
  const text = await conn.rest();
  // A ServerHello is a handshake record: the proxy went on.
  return /^l4 \d+/.exec(text)?.[0] ?? (text.startsWith("\x16") ? "handshake" : "refused");
}

async function httpFate(proxy: TestProxy, address: string, name: string, path: string, agent: string): Promise<Fate> {
  const tcp = await connectAs(proxy.port, address);
  const conn = await Deno.startTls(tcp, { hostname: name, caCerts: [proxy.ca], alpnProtocols: ["http/1.1"] });
  try {
    await conn.handshake();
  } catch {
    conn.close();
    return "refused";
  }
  using client = new RawConnection(conn);
  const field = agent === "" ? "" : `User-Agent: ${agent}\r\n`;
  await client.send(`GET ${path} HTTP/1.1\r\nHost: ${name}\r\n${field}Connection: close\r\n\r\n`);
  const answer = await client.rest();
  const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "refused";
  return status === "200" ? /l7 \d+$/.exec(answer)?.[0] ?? answer : status;
}

Deno.test("Explainer says what then happens, for 1,000 generated requests through firewall and routes", async () => {
  const database = await Deno.makeTempFile({ suffix: ".mmdb" });
  await Deno.writeFile(
    database,
    writeMmdb([
      ["192.0.2.0/24", country("DE")],
      ["198.51.100.0/24", country("FR")],
      ["203.0.113.0/25", country("SE")],
    ]),
  );
  await using one = answering("l7 1");
  await using two = answering("l7 2");
  await using through = new RawBackend(async (connection) => {
    await connection.conn.read(new Uint8Array(4096));
    await connection.send("l4 1");
  });
  await using proxy = await testProxy(`[firewall]\ncountry_db = "${database}"\n`, {
    web: ["web.test"],
    wild: ["*.wild.test"],
  });
  // The certificates are for these names; clients come with a PROXY header.
  const whom = { address: `unix:${proxy.adminSocket}` };
  await using routes = grpcClient(RouteService, whom);
  await using rules = grpcClient(FirewallService, whom);
  await using stats = grpcClient(StatsService, whom);
  await using listeners = grpcClient(ListenerService, whom);
  const [listener] = (await listeners.listListeners({})).listeners;
  assert.equal(listener!.name, "https");
  proxy.running.listeners.all()[0]!.door.trust(["127.0.0.1"]);
  const backend = ({ port }: { port: number }) => [`127.0.0.1:${port}`];
  const l7 = { listener: "https", mode: "l7" };
  const web = { ...l7, hostname: "web.test" };
  const files = (name: string) => ({ tlsCert: `${name}.pem`, tlsKey: `${name}.key` });
  await routes.putRoute({ listener: "https", hostname: "pass.test", mode: "l4", backends: backend(through) });
  await routes.putRoute({ ...web, backends: backend(one), ...files("web") });
  await routes.putRoute({ ...web, path: "/api", backends: backend(two) });
  await routes.putRoute({ ...web, path: "/old", redirect: { status: 308, to: "/new" } });
  await routes.putRoute({ ...web, path: "/down", maintenance: "Back at noon" });
  await routes.putRoute({ ...l7, hostname: "*.wild.test", backends: backend(two), ...files("wild") });
  const rows: Parameters<typeof rules.putRule>[0][] = [
    { id: "friends", priority: 10, action: "allow", cidrs: ["192.0.2.200/32"] },
    { id: "no-land", priority: 20, action: "block", countries: ["FR"] },
    { id: "unknown-pass", priority: 30, action: "block", countries: ["??"], hostname: "pass.test" },
    { id: "bots", priority: 40, action: "block", userAgents: ["*badbot*"] },
    { id: "admin", priority: 50, action: "block", paths: ["/admin*"], hostname: "web.test" },
    { id: "often", priority: 60, action: "limit", cidrs: ["203.0.113.0/25"], rate: { perSecond: 0.0001, burst: 60 } },
    {
      id: "wild-often",
      priority: 70,
      action: "limit",
      hostname: "*.wild.test",
      rate: { perSecond: 0.0001, burst: 40 },
    },
    { id: "api-often", priority: 80, action: "limit", paths: ["/api/*"], rate: { perSecond: 0.0001, burst: 3 } },
    { id: "off", priority: 1, action: "block", cidrs: ["0.0.0.0/0"], disabled: true },
  ];
  for (const row of rows) await rules.putRule(row);
  const hellos = new Map(await Promise.all(names.map(async (name) => [name, await clientHello(name)] as const)));
  const below = seeded(20261121);
  const pick = <T>(list: readonly T[]) => list[below(list.length)]!;
  const fates = new Map<string, number>();
  for (let at = 0; at < 1000; at++) {
    const [name, address, path, agent] = [pick(names), pick(addresses), pick(paths), pick(agents)];
    const said = await stats.explain({ host: name, address, path, userAgent: agent });
    const isRaw = name === "pass.test" || said.outcome === "refused" && said.status === 0;
    const fate = isRaw
      ? await rawFate(proxy.port, address, hellos.get(name)!)
      : await httpFate(proxy, address, name, path, agent);
    const expected = said.outcome === "l4" || said.outcome === "l7"
      ? `${said.outcome} ${said.backend === backend(two)[0] ? 2 : 1}`
      : said.status === 0
      ? "refused"
      : String(said.status);
    const story = said.steps.map((step) => `${step.stage} ${step.result}: ${step.detail}`).join("\n");
    assert.equal(fate, expected, `${at}: ${address} ${name} ${path} ${agent}\n${story}`);
    fates.set(fate, (fates.get(fate) ?? 0) + 1);
  }
  // Every kind of fate came about.
  assert.deepEqual([...fates.keys()].sort(), ["308", "403", "429", "503", "l4 1", "l7 1", "l7 2", "refused"]);
  const hits = (await rules.listRules({})).rules.map(({ id, hits }) => [id, hits > 0n]);
  assert.deepEqual(hits.filter(([, isHit]) => !isHit).map(([id]) => id), ["off"]);
  await Deno.remove(database);
});
