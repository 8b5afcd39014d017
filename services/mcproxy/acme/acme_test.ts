/** Certificates from a real ACME server, proven through the listeners: the whole way over real sockets. */
import assert from "node:assert/strict";
import { type AcmeServer, acmeServer } from "@lib/acme/testing/acme_server.ts";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { parseClientHello } from "@lib/tls/mod.ts";
import { parseListener } from "../domain/listener.ts";
import { RedirectListener } from "../redirect/redirect_listener.ts";
import { Deadlines } from "../stream/deadlines.ts";
import { Connections } from "../traffic/connections.ts";
import { startAcme } from "./acme.ts";
import { answerChallenge } from "./answer_challenge.ts";
import { asksForChallenge, ChallengeTable } from "./challenge_table.ts";

const names = ["a.example.org", "b.example.org"];
const allowed = { allowed: true } as const;

/** Certificates whose CA is `server`, until every name has its own. */
async function keep(
  dir: string,
  server: AcmeServer,
  challenge: "http-01" | "tls-alpn-01",
  run: Running,
): Promise<void> {
  await using acme = startAcme({
    dir,
    challenge,
    directoryUrl: server.directory,
    address: server.address,
    serverName: "localhost",
    caPem: server.caPem,
    contacts: ["mailto:ops@example.org"],
    termsAgreed: false,
    externalAccount: null,
    clock: systemClock,
    log: silentLogger,
    pollLimits: { firstMs: 5, leastMs: 5 },
  });
  run.challenges = acme.challenges;
  const { certificates } = acme;
  certificates.retain(new Set(names));
  assert.equal(server.checks.length, 0);
  certificates.start();
  await certificates.settled();
  assert.deepEqual(certificates.alarms(), []);
  for (const name of names) {
    const { context, names } = certificates.find(name);
    assert.ok(context !== null);
    assert.deepEqual(names, [name]);
  }
  assert.deepEqual([...server.checks].sort(), names.map((name) => `${name} valid`));
  assert.deepEqual([...Deno.readDirSync(`${dir}/challenges`)], [], "answers are taken away");
}

/** What a listener answers from. */
interface Running {
  challenges: ChallengeTable | null;
}

async function inFolder(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "mcproxy-acme-" });
  try {
    await work(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("http-01: the redirect listener of another process answers what this one ordered", () =>
  inFolder(async (dir) => {
    const answering = new ChallengeTable("http-01", `${dir}/challenges`, systemClock);
    const listener = new RedirectListener({
      listener: parseListener({ name: "http", address: "127.0.0.1:0", kind: "http", proxyProtocolFrom: [] }),
      limits: { head: { maxBytes: 4096, maxFields: 20 }, headMs: 5000, helloMs: 5000, maxConnections: 100 },
      networks: () => ({ has: () => false }),
      guard: { connection: () => allowed, hello: () => allowed, request: () => allowed, opened() {}, closed() {} },
      connections: new Connections(),
      rules: { httpsPort: () => 443, challengeAnswer: (token, name) => answering.httpAnswer(token, name) },
      deadlines: new Deadlines(systemClock),
      accessLog: null,
      now: () => Date.now(),
      log: silentLogger,
    });
    try {
      await using server = await acmeServer({ httpPort: Number(listener.address.split(":")[1]) });
      server.authority.behaviour.refuseNonce = 3;
      await keep(dir, server, "http-01", { challenges: null });
    } finally {
      await listener.close(0);
    }
  }));

Deno.test("tls-alpn-01: a connection that asks for acme-tls/1 alone is shown the challenge's certificate", () =>
  inFolder(async (dir) => {
    const running: Running = { challenges: null };
    const deadlines = new Deadlines(systemClock);
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const answers: Promise<string>[] = [];
    const serving = (async () => {
      for await (const conn of listener) {
        const buffer = new Uint8Array(16384);
        const hello = buffer.subarray(0, await conn.read(buffer) ?? 0);
        const parsed = parseClientHello(hello);
        assert.ok(parsed.kind === "hello");
        const certificate = running.challenges?.tlsAnswer(parsed.hello) ?? null;
        assert.ok(certificate !== null);
        answers.push(answerChallenge(conn, hello, certificate, { deadlines, timeoutMs: 5000 }));
      }
    })();
    try {
      await using server = await acmeServer({ tlsPort: listener.addr.port });
      await keep(dir, server, "tls-alpn-01", running);
      assert.deepEqual(await Promise.all(answers), ["", ""]);
    } finally {
      listener.close();
      await serving;
    }
  }));

Deno.test("ChallengeTable answers for the name that was asked of, and to acme-tls/1 alone", () =>
  inFolder(async (dir) => {
    const http = new ChallengeTable("http-01", `${dir}/c`, systemClock);
    const token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ";
    const challenge = { type: "http-01", name: "a.example", token, keyAuthorization: `${token}.x` } as const;
    await http.present(challenge);
    const rows: [string, string, string | null][] = [
      [token, "a.example", `${token}.x`],
      [token, "b.example", null],
      ["other", "a.example", null],
      [`../c/http-${token}`, "a.example", null],
      ["", "a.example", null],
      ["\0", "a.example", null],
    ];
    for (const [asked, name, expected] of rows) assert.equal(http.httpAnswer(asked, name), expected, asked);
    await http.clear(challenge);
    assert.equal(http.httpAnswer(token, "a.example"), null);
    const tls = new ChallengeTable("tls-alpn-01", `${dir}/c`, systemClock);
    const pair = { certPem: "cert", keyPem: "key" };
    const shown = {
      type: "tls-alpn-01",
      name: "a.example",
      serverName: "a.example",
      token,
      keyAuthorization: "",
      ...pair,
    } as const;
    await tls.present(shown);
    assert.deepEqual(tls.tlsAnswer({ serverName: "a.example", alpn: ["acme-tls/1"] }), pair);
    for (const alpn of [[], ["h2"], ["acme-tls/1", "h2"], ["h2", "acme-tls/1"], ["acme-tls/1", "acme-tls/1"]]) {
      assert.equal(tls.tlsAnswer({ serverName: "a.example", alpn }), null);
      assert.equal(asksForChallenge(alpn), false);
    }
    assert.equal(tls.tlsAnswer({ serverName: null, alpn: ["acme-tls/1"] }), null);
    assert.equal(tls.tlsAnswer({ serverName: "b.example", alpn: ["acme-tls/1"] }), null);
    await tls.clear(shown);
  }));
