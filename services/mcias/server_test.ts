import assert from "node:assert/strict";
import { mciasVerifier } from "@lib/auth/mod.ts";
import { systemClock } from "@lib/clock/mod.ts";
import { grpcClient } from "@lib/grpc/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { Registry } from "@lib/metrics/mod.ts";
import type { RunningService, ServiceContext } from "@lib/service/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { AccountService, AuthService, KeyService, TokenService } from "@proto/mcias/v1/mcias_pb.ts";
import type { Config } from "./config.ts";
import { startServer } from "./server.ts";
import { cheapHasher, contextIn } from "./testing/mcias_under_test.ts";
import { init } from "./verbs/init.ts";
import { addAccount, issueToken } from "./verbs/local_verbs.ts";

const serverName = "mcias.svc.mcp.metacircular.net";
const password = "glacier bicycle sonnet";

interface World extends AsyncDisposable {
  readonly context: ServiceContext<Config>;
  readonly dataDir: string;
  readonly ca: string;
  readonly logLines: string[];
  start(): Promise<RunningService>;
  rest(): HttpsClient;
}

/** Config, certificates, free ports, an admin "ada" and a token file of "mcp-agent": what the bootstrap makes. */
async function world(): Promise<World> {
  const folder = Deno.makeTempDirSync({ prefix: "mcias-server-" });
  const ca = await throwawayCa();
  Deno.mkdirSync(`${folder}/data`);
  await writeIssued(folder, await ca.issue([serverName, "localhost", "127.0.0.1"]));
  const logLines: string[] = [];
  const toml = `[server]\nrest_addr = "127.0.0.1:${freePort()}"\ngrpc_addr = "127.0.0.1:${freePort()}"\n` +
    `tls_cert = "cert.pem"\ntls_key = "key.pem"\nshutdown_timeout_ms = 2000\n`;
  const context = { ...contextIn(folder, toml, logLines), clock: systemClock };
  const { config } = context;
  Deno.writeTextFileSync(`${folder}/data/pw`, `${password}\n`);
  await init(context, { admin: "ada", "admin-password-file": "pw" }, cheapHasher(), () => {});
  await addAccount(context, { username: "mcp-agent" }, cheapHasher(), () => {});
  await issueToken(context, { username: "mcp-agent", write: "token" }, {}, () => {});
  return {
    context,
    dataDir: config.server.data_dir,
    ca: ca.root,
    logLines,
    start: () => startServer({ ...context, metrics: new Registry() }, cheapHasher()),
    rest: () => new HttpsClient({ address: config.server.rest_addr, serverName, ca: ca.root }),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function send(client: HttpsClient, method: string, path: string, body?: unknown, token?: string) {
  const response = await client.request({
    method,
    path,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) }),
  });
  const text = await new Response(response.body).text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text), headers: response.headers };
}

Deno.test("over REST: login, validate, account, logout, keys, and the errors in between", async () => {
  await using it = await world();
  await using _server = await it.start();
  const rest = it.rest();
  try {
    const wrong = await send(rest, "POST", "/v1/auth/login", { username: "ada", password: "wrong wrong wrong" });
    assert.equal(wrong.status, 401);
    const unknown = await send(rest, "POST", "/v1/auth/login", { username: "eve", password });
    const facts = ({ status, body }: typeof wrong) => ({ status, ...body, request_id: "", instance: "" });
    assert.deepEqual(facts(unknown), facts(wrong));

    const login = await send(rest, "POST", "/v1/auth/login", { username: "ada", password, service_name: "mcr" });
    assert.equal(login.status, 200);
    const { token } = login.body;
    assert.equal(login.body.identity.username, "ada");
    assert.match(login.body.expires_at, /^20\d\d-.*Z$/);

    const valid = await send(rest, "POST", "/v1/token/validate", { token });
    assert.deepEqual(valid.body, { valid: true, identity: login.body.identity });
    const bad = await send(rest, "POST", "/v1/token/validate", { token: "bad" });
    assert.equal(bad.status, 200);
    assert.equal(bad.body.valid, false);

    const made = await send(rest, "POST", "/v1/accounts", { username: "mcq", account_type: "system" }, token);
    assert.equal(made.body.status, "active");
    assert.equal((await send(rest, "GET", "/v1/accounts/mcq", undefined, token)).body.id, made.body.id);
    assert.equal((await send(rest, "GET", "/v1/accounts/mcq")).status, 401);
    const changed = await send(rest, "PATCH", "/v1/accounts/mcq", { status: "inactive" }, token);
    assert.equal(changed.body.status, "inactive");
    assert.equal((await send(rest, "DELETE", "/v1/accounts/ada", undefined, token)).status, 409);
    assert.equal(
      (await send(rest, "POST", "/v1/accounts", { username: "<b>", account_type: "system" }, token)).status,
      400,
    );
    assert.ok((await send(rest, "GET", "/v1/audit?action=login&page_size=1", undefined, token)).body.next_page_token);

    const jwks = await send(rest, "GET", "/.well-known/jwks.json");
    assert.equal(jwks.headers.get("content-type"), "application/jwk-set+json");
    const keys = await send(rest, "GET", "/v1/keys");
    assert.deepEqual(keys.body.keys.map((key: { jwk: string }) => JSON.parse(key.jwk)), jwks.body.keys);

    assert.equal((await send(rest, "POST", "/v1/auth/logout", {}, token)).status, 200);
    assert.equal((await send(rest, "GET", "/v1/accounts/mcq", undefined, token)).status, 401);
    assert.equal(
      (await send(rest, "POST", "/v1/auth/login", { username: "x".repeat(1_200_000), password })).status,
      413,
    );
    const health = await send(rest, "GET", "/v1/health");
    assert.deepEqual([health.body.status, health.body.service], ["serving", "mcias"]);
    const log = it.logLines.join("");
    assert.ok(!log.includes(token) && !log.includes(password) && !log.includes("wrong wrong wrong"));
  } finally {
    rest.close();
  }
});

Deno.test("over gRPC: mciasVerifier tells good tokens, and a revoked one once its answer has aged", async () => {
  await using it = await world();
  await using _server = await it.start();
  const { grpc_addr } = it.context.config.server;
  const tls = { ca: it.ca, serverName };
  const auth = grpcClient(AuthService, { address: grpc_addr, tls });
  let adminToken = "";
  const asAdmin = { address: grpc_addr, tls, token: () => adminToken };
  const [accounts, tokens, keys] = [
    grpcClient(AccountService, asAdmin),
    grpcClient(TokenService, asAdmin),
    grpcClient(KeyService, asAdmin),
  ];
  using verifier = mciasVerifier({ address: grpc_addr, serverName, ca: it.ca });
  try {
    const agentToken = Deno.readTextFileSync(`${it.dataDir}/token`).trim();
    const agent = await verifier.verify(agentToken);
    assert.deepEqual([agent?.username, agent?.accountType, agent?.roles], ["mcp-agent", "system", []]);
    assert.equal(await verifier.verify("nonsense"), null);
    assert.equal(agent?.scopes, undefined);

    adminToken = (await auth.login({ username: "ada", password })).token;
    assert.deepEqual((await verifier.verify(adminToken))?.roles, ["admin"]);
    assert.equal((await accounts.listAccounts({})).accounts.length, 2);
    assert.equal((await keys.listKeys({})).keys.length, 1);
    const narrow = await tokens.issueToken({ username: "mcp-agent", scopes: ["mcr:pull"] });
    assert.deepEqual((await verifier.verifyScoped(narrow.token))?.scopes, ["mcr:pull"]);
    await assert.rejects(verifier.verify(narrow.token), {
      code: "denied",
      rule: "token-scopes",
      message: 'Cannot use this service with this token of "mcp-agent": it is limited to the scopes mcr:pull',
    });
    await tokens.revokeToken({ username: "mcp-agent", tokenId: agent!.tokenId });
    assert.equal((await tokens.validateToken({ token: agentToken })).valid, false);
    assert.ok(await verifier.verify(agentToken)); // within 30 s
    verifier.clear();
    assert.equal(await verifier.verify(agentToken), null);
    await assert.rejects(auth.login({ username: "ada", password: "wrong wrong wrong" }), {
      code: "unauthenticated",
      message: "Wrong username or password",
    });
  } finally {
    for (const client of [auth, accounts, tokens, keys]) client.close();
  }
});

Deno.test("mciasVerifier says unavailable while MCIAS is down, and works again when it is back", async () => {
  await using it = await world();
  const token = Deno.readTextFileSync(`${it.dataDir}/token`).trim();
  using verifier = mciasVerifier({
    address: it.context.config.server.grpc_addr,
    serverName,
    ca: it.ca,
    deadlineMs: 10_000,
  });
  await assert.rejects(verifier.verify(token), { code: "unavailable" });
  await using _server = await it.start();
  // The client waits for its back-off (a second or so) before it dials again.
  for (let tries = 0;; tries++) {
    try {
      assert.equal((await verifier.verify(token))?.username, "mcp-agent");
      break;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
});

Deno.test("two servers on one address and one database: what one commits the other knows", async () => {
  await using it = await world();
  const old = await it.start();
  const rest = it.rest();
  try {
    const before = (await send(rest, "POST", "/v1/auth/login", { username: "ada", password })).body.token;
    await using _fresh = await it.start();
    const clients = Array.from({ length: 8 }, () => it.rest()); // whichever server each connection gets
    try {
      for (const client of clients) {
        const { token } = (await send(client, "POST", "/v1/auth/login", { username: "ada", password })).body;
        for (const other of clients) {
          const { body } = await send(other, "POST", "/v1/token/validate", { token });
          assert.equal(body.valid, true);
        }
      }
      rest.close();
      await old[Symbol.asyncDispose]();
      const survivor = it.rest();
      try {
        const { body } = await send(survivor, "POST", "/v1/token/validate", { token: before });
        assert.equal(body.valid, true);
      } finally {
        survivor.close();
      }
    } finally {
      for (const client of clients) client.close();
    }
  } finally {
    rest.close();
    await old[Symbol.asyncDispose]();
  }
});
