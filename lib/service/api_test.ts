import assert from "node:assert/strict";
import { join } from "node:path";
import type { Caller } from "@lib/auth/mod.ts";
import { systemClock } from "@lib/clock/mod.ts";
import { HttpsClient } from "@lib/http/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Registry } from "@lib/metrics/mod.ts";
import { throwawayCa } from "@lib/testing/mod.ts";
import { serveApi } from "./api.ts";
import { printStatus } from "./status.ts";

const serving = { status: "serving" as const, reasons: [] };

/** Serves an API; `ask` is a request from loopback, `statusVerb` what `sample status` prints. */
async function apiUnderTest(options: { status?: () => readonly string[] }) {
  const folder = Deno.makeTempDirSync();
  const ca = await throwawayCa();
  const { cert, key } = await ca.issue(["localhost", "127.0.0.1"]);
  const file = (name: string, text: string) => {
    Deno.writeTextFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const server = {
    rest_addr: "127.0.0.1:0",
    grpc_addr: "127.0.0.1:0",
    tls_cert: file("cert.pem", cert),
    tls_key: file("key.pem", key),
    ca_cert: file("ca.pem", ca.root),
    shutdown_timeout_ms: 1000,
  };
  const context = {
    config: { server },
    log: silentLogger,
    clock: systemClock,
    metrics: new Registry(),
    name: "sample",
    version: "1.2.3",
    startedAt: new Date(Date.UTC(2026, 0, 2)),
  };
  const ada: Caller = { subject: "1", username: "ada", accountType: "human", roles: [], tokenId: "t" };
  const callers = new Map<string, Caller>([["good", ada], ["scoped", {
    ...ada,
    scopes: ["mcns:record:example.org:www"],
  }]]);
  const authenticate = (token: string) => Promise.resolve(callers.get(token) ?? null);
  const api = await serveApi({ context, operations: [], authenticate, health: () => serving, ...options });
  return {
    async ask(path: string, headers: Record<string, string> = {}) {
      const client = new HttpsClient({ address: api.restAddress, serverName: "localhost", ca: ca.root });
      try {
        const { status, body } = await client.request({ method: "GET", path, headers });
        return `${status} ${await new Response(body).text()}`;
      } finally {
        client.close();
      }
    },
    async statusVerb() {
      let printed = "";
      const config = { server: { ...server, rest_addr: api.restAddress } };
      const code = await printStatus({ ...context, config }, null, (line) => void (printed += `${line}\n`));
      return { code, printed };
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

Deno.test("serveApi shows /v1/status and /metrics to who is on this machine and to holders of a token", async () => {
  await using api = await apiUnderTest({ status: () => ["zones  2"] });
  const proxied = { "x-forwarded-for": "192.0.2.1" };
  for (const page of ["/v1/status", "/metrics"]) {
    assert.match(await api.ask(page), /^200 /, page);
    assert.equal(await api.ask(page, proxied), "401 authentication required\n", page);
    assert.match(await api.ask(page, { ...proxied, authorization: "Bearer good" }), /^200 /, page);
    assert.match(await api.ask(page, { ...proxied, authorization: "Bearer bad" }), /^401 /, page);
    assert.match(await api.ask(page, { ...proxied, authorization: "Bearer scoped" }), /^403 .*token-scopes/, page);
  }
});

Deno.test("the verb status prints the health, and below it what the service says of itself", async () => {
  const first = "sample 1.2.3: serving, since 2026-01-02T00:00:00Z\n";
  await using talkative = await apiUnderTest({ status: () => ["zones  2", "cache  3 answers"] });
  assert.deepEqual(await talkative.statusVerb(), { code: 0, printed: `${first}zones  2\ncache  3 answers\n` });
  await using silent = await apiUnderTest({});
  assert.match(await silent.ask("/v1/status"), /^404 /);
  assert.deepEqual(await silent.statusVerb(), { code: 0, printed: first });
});
