import assert from "node:assert/strict";
import type { Caller } from "@lib/auth/mod.ts";
import { systemClock } from "@lib/clock/mod.ts";
import { loadConfig } from "@lib/config/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Registry } from "@lib/metrics/mod.ts";
import {
  createCsr,
  createRoot,
  exportKeyPem,
  generateKey,
  type MadeIssuer,
  parseChain,
  signIntermediate,
  signLeaf,
} from "@lib/pki/mod.ts";
import type { RunningService } from "@lib/service/mod.ts";
import { CaService, SealService } from "@proto/metacrypt/v1/metacrypt_pb.ts";
import { type Config, schema } from "./config.ts";
import { startServer } from "./server.ts";
import { callers } from "./testing/metacrypt_under_test.ts";
import { verbs } from "./verbs.ts";

const serverName = "metacrypt.svc.mcp.metacircular.net";
const hello = "hello.svc.mcp.metacircular.net";

interface Served extends AsyncDisposable {
  config: Config;
  root: MadeIssuer;
  start(): Promise<RunningService>;
}

/** Config, certificates and free ports for real servers on one database. */
async function served(toml = ""): Promise<Served> {
  const folder = await Deno.makeTempDir({ prefix: "metacrypt-" });
  const root = await createRoot({ name: "Test root", days: 10 });
  const key = await generateKey();
  Deno.writeTextFileSync(`${folder}/key.pem`, await exportKeyPem(key));
  const names = [serverName, "localhost", "127.0.0.1"];
  Deno.writeTextFileSync(`${folder}/cert.pem`, await signLeaf(root, key.publicKey, { names }));
  const [rest, grpc] = [freePort(), freePort()];
  Deno.writeTextFileSync(
    `${folder}/metacrypt.toml`,
    `[server]\nrest_addr = "127.0.0.1:${rest}"\ngrpc_addr = "127.0.0.1:${grpc}"\n` +
      `tls_cert = "cert.pem"\ntls_key = "key.pem"\nshutdown_timeout_ms = 2000\n` +
      `[seal]\nargon2_memory_kib = 8192\nargon2_passes = 1\nargon2_parallelism = 1\n${toml}`,
  );
  const file = `${folder}/metacrypt.toml`;
  const { config } = loadConfig({ schema, service: "metacrypt", file, environment: () => undefined });
  const tokens = new Map<string, Caller>([["admin-token", callers.admin], ["agent-token", callers.agent]]);
  return {
    config,
    root,
    start: () =>
      startServer(
        {
          config,
          clock: systemClock,
          log: silentLogger,
          metrics: new Registry(),
          name: "metacrypt",
          version: "0.0.0",
          startedAt: new Date(),
        },
        (token) => Promise.resolve(tokens.get(token) ?? null),
      ),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("over the wire: init, issuer, certificate by mcp-agent; sealed is health 200 and 503 elsewhere", async () => {
  await using world = await served();
  await using _server = await world.start();
  const { config, root } = world;
  const ca = root.certificatePem;
  const rest = new HttpsClient({ address: config.server.rest_addr, serverName, ca });
  const get = async (path: string, token = "") => {
    const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
    const response = await rest.request({ method: "GET", path, headers });
    return { status: response.status, body: JSON.parse(await new Response(response.body).text()) };
  };
  const tls = { ca, serverName };
  const asAdmin = { address: config.server.grpc_addr, tls, token: () => "admin-token" };
  const seal = grpcClient(SealService, asAdmin);
  const admin = grpcClient(CaService, asAdmin);
  const agent = grpcClient(CaService, { ...asAdmin, token: () => "agent-token" });
  try {
    assert.deepEqual((await get("/v1/seal")).body.state, "uninitialized");
    assert.equal((await get("/v1/health")).body.sealed, true);
    await seal.initSeal({ password: "correct horse battery" });
    await admin.createMount({ mount: "pki" });
    const { csrPem } = await admin.createIssuerRequest({ mount: "pki", commonName: "Issuer" });
    const permitted = ["svc.mcp.metacircular.net", "localhost", "127.0.0.0/8"];
    await admin.importIssuer({ mount: "pki", chainPem: await signIntermediate(root, csrPem, { days: 5, permitted }) });
    const csr = await createCsr({ key: await generateKey(), names: [hello] });
    const certificate = await agent.signCertificate({ mount: "pki", csrPem: csr });
    assert.equal(parseChain(certificate.chainPem).length, 2);
    await assert.rejects(agent.createMount({ mount: "mine" }), (error: { code: string }) => error.code === "denied");

    assert.equal((await get("/v1/ca/pki/certificates")).status, 401);
    const listed = await get("/v1/ca/pki/certificates", "agent-token");
    assert.deepEqual(listed.body.certificates[0].names, [hello]);

    await seal.seal({});
    const health = await get("/v1/health");
    assert.deepEqual([health.status, health.body.sealed, health.body.status], [200, true, "degraded"]);
    assert.equal((await get("/v1/ca/pki/certificates", "agent-token")).status, 503);
    assert.equal((await get("/v1/ca/pki/chain")).status, 200);
    await assert.rejects(
      agent.signCertificate({ mount: "pki", csrPem: csr }),
      (error: { code: string; message: string }) => error.code === "sealed" && /unseal it/.test(error.message),
    );
    await assert.rejects(seal.unseal({ password: "wrong horse battery" }), /the password is wrong/);
    assert.equal((await seal.unseal({ password: "correct horse battery" })).state, "unsealed");
  } finally {
    for (const client of [seal, admin, agent, rest]) client.close();
  }
});

Deno.test("hot restart: a second server opens the same database at the same addresses and takes over", async () => {
  await using world = await served('auto_unseal_key_file = "data/unseal.key"\n');
  const { config, root } = world;
  const options = () => ({
    address: config.server.grpc_addr,
    tls: { ca: root.certificatePem, serverName },
    token: () => "admin-token",
  });
  await using old = await world.start();
  const seal = grpcClient(SealService, options());
  const oldCa = grpcClient(CaService, options());
  try {
    await seal.initSeal({ password: "correct horse battery" });
    await oldCa.createMount({ mount: "pki" });
    const { csrPem } = await oldCa.createIssuerRequest({ mount: "pki", commonName: "Issuer" });
    await oldCa.importIssuer({ mount: "pki", chainPem: await signIntermediate(root, csrPem, { days: 5 }) });
    const { certificate } = await oldCa.issueCertificate({ mount: "pki", names: ["one.test"] });
    await using young = await world.start();
    assert.deepEqual(young.health(), { status: "serving", reasons: [], sealed: false });
    // The young one takes over: the old one's listeners close, its clients connect again.
    await old[Symbol.asyncDispose]();
    const youngCa = grpcClient(CaService, options());
    try {
      const serial = certificate!.serial;
      assert.equal((await youngCa.revokeCertificate({ mount: "pki", serial })).revocationReason, "unspecified");
    } finally {
      youngCa.close();
    }
  } finally {
    seal.close();
    oldCa.close();
  }
});

Deno.test("a server that waits to be initialized opens when metacrypt init has run beside it", async () => {
  await using world = await served('auto_unseal_key_file = "data/unseal.key"\n');
  await using server = await world.start();
  assert.equal(server.health().sealed, true);
  const context = { ...world, clock: systemClock, log: silentLogger, metrics: new Registry() };
  const print = console.log;
  console.log = () => {};
  try {
    await verbs.init!.run({ ...context, name: "metacrypt", version: "0.0.0", startedAt: new Date() }, {}, {});
  } finally {
    console.log = print;
  }
  // The look at the database comes every 250 ms.
  const deadline = Date.now() + 5000;
  while (server.health().sealed && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(server.health(), { status: "serving", reasons: [], sealed: false });
});
