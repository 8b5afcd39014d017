import assert from "node:assert/strict";
import type { Caller } from "@lib/auth/mod.ts";
import { systemClock } from "@lib/clock/mod.ts";
import { loadConfig } from "@lib/config/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Registry } from "@lib/metrics/mod.ts";
import { createRoot, exportKeyPem, generateKey, signLeaf } from "@lib/pki/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { AdminService, RecordService, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { type Config, schema } from "./config.ts";
import { type RunningMcns, startServer } from "./server.ts";
import { query, show } from "./testing/dig_notation.ts";
import { askUdp, DnsStreamClient } from "./testing/dns_client.ts";
import { scriptedUpstream } from "./testing/scripted_upstream.ts";
import { serveTokens, type TestTokenService } from "./testing/token_service.ts";

const serverName = "mcns.svc.mcp.metacircular.net";
const zone = "svc.mcp.metacircular.net";

const account = (username: string, accountType: "human" | "system", roles: string[] = []): Caller => ({
  subject: `id-${username}`,
  username,
  accountType,
  roles,
  tokenId: `t-${username}`,
});
const tokens = new Map([
  ["admin-token", account("ada", "human", ["admin"])],
  ["agent-token", account("mcp-agent", "system")],
  ["mcq-token", account("mcq", "system")],
]);

interface World extends AsyncDisposable {
  config: Config;
  ca: string;
  mcias: TestTokenService;
  start(): Promise<RunningMcns>;
}

/** Config, certificates, a token service and free ports for real servers on one database. */
async function world(toml = ""): Promise<World> {
  const folder = await Deno.makeTempDir({ prefix: "mcns-" });
  const root = await createRoot({ name: "Test root", days: 10 });
  const key = await generateKey();
  await Deno.writeTextFile(`${folder}/ca.pem`, root.certificatePem);
  await Deno.writeTextFile(`${folder}/key.pem`, await exportKeyPem(key));
  await Deno.writeTextFile(
    `${folder}/cert.pem`,
    await signLeaf(root, key.publicKey, { names: [serverName, "localhost", "127.0.0.1"] }),
  );
  await Deno.mkdir(`${folder}/data`);
  const certificates = CertificateFiles.load({
    cert: `${folder}/cert.pem`,
    key: `${folder}/key.pem`,
    log: silentLogger,
    clock: systemClock,
  });
  const mcias = await serveTokens(certificates, tokens);
  const file = `${folder}/mcns.toml`;
  await Deno.writeTextFile(
    file,
    `[server]
rest_addr = "127.0.0.1:${freePort()}"
grpc_addr = "127.0.0.1:${freePort()}"
tls_cert = "cert.pem"
tls_key = "key.pem"
shutdown_timeout_ms = 2000
[mcias]
address = "${mcias.address}"
server_name = "localhost"
ca_cert = "ca.pem"
[dns]
listen_addrs = ["127.0.0.1:${freePort()}"]
[[zones]]
name = "${zone}"
records = ["ns1 A 127.0.0.1", "mcias A 127.0.0.2"]
[[zones]]
name = "mcp.metacircular.net"
${toml}`,
  );
  const { config } = loadConfig({ schema, service: "mcns", file, environment: () => undefined });
  return {
    config,
    ca: root.certificatePem,
    mcias,
    start: () =>
      startServer({
        config,
        clock: systemClock,
        log: silentLogger,
        metrics: new Registry(),
        name: "mcns",
        version: "0.0.0",
        startedAt: new Date(),
      }),
    async [Symbol.asyncDispose]() {
      await mcias.close();
      certificates.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Bound and let go; a service's config can't say "any". */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function dig(server: RunningMcns, text: string): Promise<string> {
  const reply = await askUdp(server.dnsAddresses[0]!, query(text));
  return reply === null ? "no reply" : show(reply).split("\n").filter((line) => !line.startsWith(";")).join("\n");
}

const clientOf = (world: World, token: string) => ({
  address: world.config.server.grpc_addr,
  tls: { ca: world.ca, serverName },
  token: () => token,
});

Deno.test("over gRPC a zone file of more than a message holds comes in pieces", async () => {
  await using test = await world();
  await using server = await test.start();
  // Few records, but long ones: 300 of 60,000 octets.
  const strings = `"${"x".repeat(250)}" `.repeat(240);
  const lines = Array.from({ length: 300 }, (_, i) => `n${i >> 5} 300 TXT "${i}" ${strings}\n`);
  const rest = new HttpsClient({ address: server.restAddress, serverName, ca: test.ca });
  await using zones = grpcClient(ZoneService, { ...clientOf(test, "admin-token"), deadlineMs: 60_000 });
  try {
    const body = new TextEncoder().encode(JSON.stringify({ text: lines.join(""), create: true }));
    const response = await rest.request({
      method: "PUT",
      path: "/v1/zones/example.org/file",
      headers: { authorization: "Bearer admin-token", "content-type": "application/json" },
      body,
    });
    const { serial } = JSON.parse(await new Response(response.body).text()) as { serial: number };
    assert.equal(response.status, 200);

    await assert.rejects(zones.exportZone({ zone: "example.org" }), /larger than max/);
    const pieces = await Array.fromAsync(zones.exportZoneInPieces({ zone: "example.org" }));
    assert.ok(pieces.length > 50 && pieces.every(({ text }) => text.length <= 256 * 1024 && text.endsWith("\n")));
    assert.deepEqual(new Set(pieces.map((piece) => piece.serial)), new Set([serial]));
    const text = pieces.map((piece) => piece.text).join("");
    assert.ok(text.length > 16 * 1024 * 1024, `${text.length}`);
    assert.equal(text.split("\n").filter((line) => / TXT +"/.test(line)).length, 300);
    await assert.rejects(Array.fromAsync(zones.exportZoneInPieces({ zone: "nowhere.org" })), { code: "not_found" });
  } finally {
    rest.close();
  }
});

Deno.test("a change over gRPC or REST is in the very next answer, over UDP and TCP", async () => {
  await using test = await world();
  await using server = await test.start();
  assert.equal(await dig(server, `mcias.${zone} A`), `NOERROR qr aa rd\nmcias.${zone} 300 A 127.0.0.2`);

  const agent = grpcClient(RecordService, clientOf(test, "agent-token"));
  const rest = new HttpsClient({ address: server.restAddress, serverName, ca: test.ca });
  await using tcp = await DnsStreamClient.connect(server.dnsAddresses[0]!);
  try {
    for (let i = 1; i <= 20; i++) {
      await agent.setRecords({ zone, name: "hello", type: "A", values: [`127.0.1.${i}`], ttl: 60 });
      assert.equal(await dig(server, `hello.${zone} A`), `NOERROR qr aa rd\nhello.${zone} 60 A 127.0.1.${i}`);
      await tcp.ask(query(`hello.${zone} A`));
      assert.match(show((await tcp.next())!), new RegExp(`127\\.0\\.1\\.${i}$`));
    }
    const response = await rest.request({
      method: "DELETE",
      path: `/v1/zones/${zone}/records?name=hello`,
      headers: { authorization: "Bearer agent-token" },
    });
    assert.equal(response.status, 200);
    assert.equal(JSON.parse(await new Response(response.body).text()).deleted, 1);
    assert.match(await dig(server, `hello.${zone} A`), /^NXDOMAIN qr aa rd\nauthority:\n/);
  } finally {
    await agent.close();
    rest.close();
  }
});

Deno.test("rights hold over the wire, and the refusal names its rule", async () => {
  await using test = await world();
  await using _server = await test.start();
  const mcq = grpcClient(RecordService, clientOf(test, "mcq-token"));
  const nobody = grpcClient(RecordService, clientOf(test, "forged-token"));
  const admin = grpcClient(ZoneService, clientOf(test, "admin-token"));
  try {
    const record = { zone, type: "A", value: "127.0.0.9" };
    await mcq.createRecord({ ...record, name: "mcq" });
    await assert.rejects(mcq.createRecord({ ...record, name: "mcat" }), { code: "denied", rule: "record-owner" });
    await assert.rejects(mcq.createRecord({ ...record, type: "CNAME", value: "x.org", name: "mcq" }), {
      code: "conflict",
      message: 'Cannot add CNAME "mcq": an A record exists at that name',
    });
    await assert.rejects(nobody.listRecords({ zone }), { code: "unauthenticated" });
    assert.equal((await admin.getZone({ zone })).recordCount, 3);
  } finally {
    await Promise.all([mcq.close(), nobody.close(), admin.close()]);
  }
});

Deno.test("with MCIAS down names are answered, changes are refused as unavailable", async () => {
  await using test = await world();
  await using server = await test.start();
  await test.mcias.close();
  const agent = grpcClient(RecordService, clientOf(test, "agent-token"));
  try {
    await assert.rejects(agent.createRecord({ zone, name: "x", type: "A", value: "127.0.0.1" }), {
      code: "unavailable",
    });
    assert.match(await dig(server, `mcias.${zone} A`), /^NOERROR/);
  } finally {
    await agent.close();
  }
});

Deno.test("hot restart: two servers on one database answer with each other's changes, the new one goes on alone", async () => {
  await using test = await world();
  const old = await test.start();
  const agent = grpcClient(RecordService, clientOf(test, "agent-token"));
  await agent.createRecord({ zone, name: "before", type: "A", value: "127.0.0.3" });
  await using young = await test.start();
  // The young one has the UDP port now; the change went through the old one's API.
  assert.match(await dig(young, `before.${zone} A`), /127\.0\.0\.3/);
  await agent.createRecord({ zone, name: "during", type: "A", value: "127.0.0.4" });
  // Seen when the young one next looks at the data version: within 250 ms.
  const deadline = Date.now() + 5000;
  while (!(await dig(young, `during.${zone} A`)).startsWith("NOERROR")) assert.ok(Date.now() < deadline, "never seen");
  const stopped = old[Symbol.asyncDispose]();
  for (let i = 0; i < 50; i++) assert.match(await dig(young, `during.${zone} A`), /127\.0\.0\.4/);
  await stopped;
  await agent.close();
  assert.match(await dig(young, `during.${zone} A`), /127\.0\.0\.4/);
});

Deno.test("seeds are inserted once: what the API deleted stays deleted over a restart", async () => {
  await using test = await world();
  {
    await using _server = await test.start();
    const agent = grpcClient(RecordService, clientOf(test, "agent-token"));
    await agent.deleteRecords({ zone, name: "mcias" });
    await agent.close();
  }
  await using server = await test.start();
  assert.match(await dig(server, `mcias.${zone} A`), /^NXDOMAIN/);
  assert.match(await dig(server, `ns1.${zone} A`), /127\.0\.0\.1/);
});

Deno.test("other names go to the upstreams; health is degraded while one is down, and says so", async () => {
  await using upstream = scriptedUpstream((name) => ({ answers: [`${name} 60 A 192.0.2.1`] }));
  await using test = await world(
    `[forward]\nupstreams = ["${upstream.address}"]\nsource_addrs = ["127.0.0.1:0"]\ntimeout_ms = 250\ndeadline_ms = 3000\n`,
  );
  await using server = await test.start();
  const admin = grpcClient(AdminService, clientOf(test, "admin-token"));
  try {
    assert.equal(await dig(server, "www.example.com A"), "NOERROR qr rd ra\nwww.example.com 60 A 192.0.2.1");
    assert.deepEqual(server.health(), { status: "serving", reasons: [] });
    const stats = await admin.getStats({});
    assert.deepEqual([stats.answersForwarded, stats.cacheEntries], [1n, 1n]);
    assert.equal((await admin.flushCache({})).removed, 1n);
    upstream.behave = () => null;
    for (const name of ["a", "b"]) assert.equal(await dig(server, `${name}.example.com A`), "SERVFAIL qr rd ra");
    assert.deepEqual(server.health(), {
      status: "degraded",
      reasons: [`upstream ${upstream.address} does not reply`],
    });
  } finally {
    await admin.close();
  }
});

Deno.test("a config that can't work is refused at start with the key's name", async () => {
  for (
    const [toml, field] of [
      ['[forward]\nupstreams = ["127.0.0.1:53"]\n', "forward.source_addrs"],
      ['[forward]\nupstreams = ["dns.example.org:53"]\n', "forward.upstreams"],
      ['[[zones]]\nname = "x.org"\nrecords = ["www A nonsense"]\n', "zones[2].records[0]"],
    ] as const
  ) {
    await using test = await world(toml);
    await assert.rejects(test.start(), { code: "invalid", field });
  }
});
