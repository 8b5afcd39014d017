import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "@lib/clock/mod.ts";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { grpcClient } from "@lib/grpc/mod.ts";
import { CertificateService, StatsService } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { createRoot, exportKeyPem, generateKey, type MadeIssuer, parseCertificate, signLeaf } from "@lib/pki/mod.ts";
import { l7Route, type TestProxy, testProxy } from "../testing/proxy.ts";
import { answering } from "../testing/raw.ts";

// The runtime's own client connects to the name that it asks for, so that the name is this machine's.
const name = "localhost";
const trusted = await createRoot({ name: "Clients", days: 40 });
const other = await createRoot({ name: "Others", days: 40 });

interface Pair {
  cert: string;
  key: string;
}

async function client(issuer: MadeIssuer, subject: string, notAfter?: Date): Promise<Pair> {
  const key = await generateKey("P-256");
  const cert = await signLeaf(issuer, key.publicKey, { names: [subject], ...(notAfter ? { notAfter } : {}) });
  return { cert, key: await exportKeyPem(key) };
}

const alice = await client(trusted, "alice.test");
const mallory = await client(other, "mallory.test");

/** A proxy that asks clients of `name` for certificates, and what its backend was sent. */
async function asking(clientCert: string, ca = trusted.certificatePem) {
  const heads: string[] = [];
  const backend = answering("ok", heads);
  const proxy = await testProxy(l7Route(name, "web", backend.port), { web: [name] });
  await Deno.writeTextFile(join(proxy.dir, "certs", "clients.pem"), ca);
  const put = (mode: string, file = "clients.pem") =>
    proxy.put({
      hostname: name,
      mode: "l7",
      backends: [`127.0.0.1:${backend.port}`],
      ...{ tlsCert: "web.pem", tlsKey: "web.key", clientCert: mode, clientCa: mode === "" ? "" : file },
    });
  put(clientCert);
  return {
    ...{ proxy, heads, put, backend },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

/** A client that shows `pair`, over the one protocol. */
function caller(proxy: TestProxy, pair: Pair | null, protocol: "h1" | "h2") {
  const options = { caCerts: [proxy.ca], http1: protocol === "h1", http2: protocol === "h2" };
  const http = Deno.createHttpClient(pair === null ? options : { ...options, ...pair });
  return {
    /** "200 ok", or what the proxy says instead; "broken" when there was no answer. */
    async get(path = "/", headers: Record<string, string> = {}): Promise<string> {
      try {
        const answer = await fetch(`https://${name}:${proxy.port}${path}`, { client: http, headers });
        return `${answer.status} ${(await answer.text()).trim()}`;
      } catch {
        return "broken";
      }
    },
    [Symbol.dispose]: () => http.close(),
  };
}

/** The first answer. The runtime's client offers each session that it has, and a refused one costs it the connection. */
async function anew(one: { get(): Promise<string> }): Promise<string> {
  for (let left = 20; left > 0; left--) {
    const answer = await one.get();
    if (answer !== "broken") return answer;
  }
  return "broken";
}

const refusedBy = (proxy: TestProxy) => Object.fromEntries(proxy.running.listeners.all()[0]!.door.counters.refused);
const sent = (head: string | undefined) => /^client-cert: (.*)\r$/im.exec(head ?? "")?.[1] ?? "";

for (const protocol of ["h1", "h2"] as const) {
  Deno.test(`client certificates over ${protocol}: required lets those in that lead to the CA, and tells the backend`, async () => {
    await using started = await asking("required");
    const { proxy, heads } = started;
    using good = caller(proxy, alice, protocol);
    assert.equal(await good.get(), "200 ok");
    const der = parseCertificate(alice.cert).pem.replaceAll(/-----[^-]+-----|\s/g, "");
    assert.equal(sent(heads[0]), `:${der}:`);
    assert.deepEqual(refusedBy(proxy), {});
    using none = caller(proxy, null, protocol);
    assert.equal(await none.get(), "broken");
    using bad = caller(proxy, mallory, protocol);
    assert.match(await bad.get(), /^403 .*"CN=Others", who issued "CN=mallory.test", is not trusted here$/);
    assert.deepEqual(refusedBy(proxy), { no_client_certificate: 1, bad_client_certificate: 1 });
    assert.equal(heads.length, 1);
  });

  Deno.test(`client certificates over ${protocol}: asked lets everybody in, and vouches for good ones alone`, async () => {
    await using started = await asking("asked");
    const { proxy, heads } = started;
    const forged = { "Client-Cert": ":Zm9yZ2Vk:", "client_cert": ":Zm9yZ2Vk:", "Client-Cert-Chain": ":Zm9yZ2Vk:" };
    for (const [pair, isTold] of [[alice, true], [null, false], [mallory, false]] as const) {
      using one = caller(proxy, pair, protocol);
      assert.equal(await one.get("/", forged), "200 ok");
      const head = heads.at(-1)!;
      assert.doesNotMatch(head, /Zm9yZ2Vk/);
      assert.equal(sent(head) !== "", isTold);
    }
    assert.deepEqual(refusedBy(proxy), {});
  });

  Deno.test(`client certificates over ${protocol}: a change holds for the next request of open connections`, async () => {
    await using started = await asking("");
    const { proxy, heads, put } = started;
    using none = caller(proxy, null, protocol);
    using good = caller(proxy, alice, protocol);
    for (const one of [none, good]) assert.equal(await one.get(), "200 ok");
    assert.equal(sent(heads[1]), "");
    put("required");
    // Both were not asked. Who can show one does so on a new connection; RFC 9110 §15.5.20 lets clients go there by themselves.
    assert.match(await none.get(), /^421 .*this name asks for a client certificate now: connect again$/);
    assert.equal(await none.get(), "broken");
    assert.match(await good.get(), /^421 /);
    assert.equal(await anew(good), "200 ok");
    assert.notEqual(sent(heads.at(-1)), "");
    // Other CAs: who came by the old ones is not let in any more.
    await Deno.writeTextFile(join(proxy.dir, "certs", "others.pem"), other.certificatePem);
    put("required", "others.pem");
    assert.match(await good.get(), /^421 /);
    assert.match(await anew(good), /^403 /);
    // Sessions of before were ended, not gone on with.
    assert.ok(refusedBy(proxy)["stale_session"]! > 0);
    put("");
    assert.equal(await anew(none), "200 ok");
  });
}

Deno.test("client certificates: a certificate that ends while its connection is open ends there, too", async () => {
  await using started = await asking("required");
  using brief = caller(started.proxy, await client(trusted, "brief.test", new Date(Date.now() + 3000)), "h1");
  assert.equal(await brief.get(), "200 ok");
  let answer = "";
  do {
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer = await brief.get();
  } while (answer === "200 ok");
  assert.match(answer, /^421 /);
  assert.match(await anew(brief), /^403 .*"CN=brief.test" expired at/);
  // Where nobody must have one, it is as good as none.
  started.put("asked");
  assert.equal(await anew(brief), "200 ok");
});

Deno.test("client certificates: a CA file that is no good leaves the old one in use, and is an alarm", async () => {
  await using started = await asking("required");
  const { proxy, heads } = started;
  const file = join(proxy.dir, "certs", "clients.pem");
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const reasons = () => proxy.running.health().reasons.join("\n");
  const ended = await createRoot({ name: "Ended", days: 1, clock: new FakeClock(Date.now() - 3 * 86_400_000) });
  const rows: [content: string | null, alarm: RegExp][] = [
    ["junk", /^route https localhost: client_ca: .*clients\.pem can't be used: /],
    [alice.cert, /"CN=alice\.test" is not a CA/],
    [ended.certificatePem, /no CA in .*clients\.pem is valid now: "CN=Ended" is from /],
    [null, /^route https localhost: client_ca: cannot read /],
    [other.certificatePem + trusted.certificatePem, /^$/],
  ];
  for (const [content, alarm] of rows) {
    if (content === null) await Deno.remove(file);
    else await Deno.writeTextFile(file, content);
    await until(() => alarm.test(reasons()));
    using good = caller(proxy, alice, "h1");
    assert.equal(await good.get(), "200 ok");
    using none = caller(proxy, null, "h1");
    assert.equal(await none.get(), "broken");
  }
  using both = caller(proxy, mallory, "h1");
  assert.equal(await both.get(), "200 ok");
  assert.equal(heads.length, rows.length + 1);
});

Deno.test("client certificates: without any CA that could be read nobody is let in, and nobody vouched for", async () => {
  for (
    const [mode, answer, refused] of [["required", "broken", { no_client_ca: 1 }], ["asked", "200 ok", {}]] as const
  ) {
    await using started = await asking(mode);
    const { proxy, heads } = started;
    await Deno.remove(join(proxy.dir, "certs", "clients.pem"));
    await proxy.restart();
    using good = caller(proxy, alice, "h1");
    assert.equal(await good.get(), answer);
    assert.equal(sent(heads[0]), "");
    assert.deepEqual(refusedBy(proxy), refused);
    assert.match(proxy.running.health().reasons.join(), /client_ca: cannot read /);
  }
});

Deno.test("client certificates: explain, the list of certificates, status and metrics tell of them", async () => {
  await using started = await asking("required");
  const { proxy } = started;
  const whom = { address: `unix:${proxy.adminSocket}` };
  await using stats = grpcClient(StatsService, whom);
  await using certificates = grpcClient(CertificateService, whom);
  const said = async () => {
    const { steps, outcome } = await stats.explain({ host: name });
    return [
      outcome,
      ...steps.filter(({ stage }) => stage === "certificate").map(({ result, detail }) => `${result} ${detail}`),
    ];
  };
  const [outcome, , asked] = await said();
  assert.deepEqual([outcome, asked], ["l7", "pass a client certificate is required, issued by CN=Clients"]);
  const [listed] = (await certificates.listCertificates({})).certificates;
  assert.deepEqual(listed!.clientCaSubjects, ["CN=Clients"]);
  assert.equal(timestampMs(listed!.clientCaNotAfter!), parseCertificate(trusted.certificatePem).notAfter.getTime());
  const metrics = await (await fetch(`http://${proxy.running.metricsAddress}/metrics`)).text();
  assert.match(metrics, /^mcproxy_client_ca_not_after_seconds\{listener="https",hostname="localhost"\} \d{10}$/m);
  await Deno.remove(join(proxy.dir, "certs", "clients.pem"));
  const [reloaded] = (await certificates.reloadCertificates({})).certificates;
  assert.match(reloaded!.clientCaError, /^client_ca: cannot read /);
  assert.equal((await said())[0], "l7");
  await proxy.restart();
  const [refused, , why] = await said();
  assert.deepEqual([refused, /^refuse client_ca: cannot read /.test(why!)], ["refused", true]);
});

Deno.test("Router.put refuses a CA file that can't be used, and changes nothing", async () => {
  await using started = await asking("");
  const { proxy, put } = started;
  const certs = join(proxy.dir, "certs");
  await Deno.writeTextFile(join(certs, "leaf.pem"), alice.cert);
  await Deno.symlink(join(certs, "clients.pem"), join(certs, "link.pem"));
  const before = proxy.routes();
  const rows: [mode: string, file: string, code: string, message: RegExp][] = [
    ["required", "", "invalid", /^client_ca: must be the path of a PEM file below /],
    ["required", "none.pem", "invalid", /^client_ca: cannot read .*none\.pem/],
    ["asked", "leaf.pem", "invalid", /^client_ca: .*leaf\.pem can't be used: client_ca: "CN=alice\.test" is not a CA/],
    ["asked", "web.key", "invalid", /^client_ca: .*web\.key can't be used: /],
    ["asked", "link.pem", "denied", /^client_ca: .*link\.pem is a symbolic link/],
    ["asked", "../data/x", "invalid", /^client_ca: must lie below /],
    ["always", "clients.pem", "invalid", /^client_cert: must be "", "asked" or "required", got "always"$/],
  ];
  for (const [mode, file, code, message] of rows) assert.throws(() => put(mode, file), { code, message });
  assert.deepEqual(proxy.routes(), before);
});
