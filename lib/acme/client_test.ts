/** The client against a real server over real TLS. */
import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { PlatformError } from "@lib/errors/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { createRoot, generateKey, importKeyPem, parseCertificate, parseChain, signLeaf } from "@lib/pki/mod.ts";
import { AcmeClient } from "./client.ts";
import { type Scene, scene } from "./testing/fixture.ts";

const names = ["www.example.org"];

function issue({ client, dns }: Scene, more: object = {}) {
  return client.issue({ names, key: "P-256", solver: dns, ...more });
}

Deno.test("AcmeClient.issue gives a chain for the names with its key, and takes the answers away", async () => {
  await using at = await scene();
  const wanted = ["b.example.org", "a.example.org"];
  const { chainPem, keyPem, notAfter } = await at.client.issue({ names: wanted, key: "P-256", solver: at.dns });
  const leaf = parseCertificate(chainPem);
  assert.deepEqual(leaf.names, wanted);
  assert.equal(parseChain(chainPem).length, 2);
  assert.deepEqual(notAfter, leaf.notAfter);
  const { publicKey } = await importKeyPem(keyPem);
  assert.equal(new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)).toHex(), leaf.publicKey.toHex());
  assert.deepEqual(at.server.checks, ["b.example.org valid", "a.example.org valid"]);
  assert.deepEqual(at.dns.cleared, wanted);
});

Deno.test("AcmeClient.issue outlives a server that refuses every second nonce, and gives up on one that refuses all", async () => {
  await using at = await scene();
  at.server.authority.behaviour.refuseNonce = 2;
  await issue(at);
  at.server.authority.behaviour.refuseNonce = 1;
  const before = at.server.authority.requests.length;
  await assert.rejects(() => issue(at), { code: "unavailable", rule: "badNonce" });
  assert.equal(at.server.authority.requests.length - before, 16);
});

Deno.test("AcmeClient.issue runs several orders at once over one set of nonces", async () => {
  await using at = await scene();
  const all = Array.from({ length: 6 }, (_, n) => `n${n}.example.org`);
  const got = await Promise.all(all.map((name) => at.client.issue({ names: [name], key: "P-256", solver: at.dns })));
  assert.deepEqual(got.map(({ chainPem }) => parseCertificate(chainPem).names[0]), all);
});

Deno.test("AcmeClient.issue waits as the server says, and doubling where it says nothing", async () => {
  await using at = await scene();
  at.server.authority.behaviour.looks = 3;
  await issue(at);
  assert.deepEqual(at.waits, [1000, 2000, 4000, 1000, 2000, 4000]);
  at.waits.length = 0;
  at.server.authority.behaviour.retryAfter = "7";
  await issue(at);
  assert.deepEqual(at.waits, [7000, 7000, 7000, 7000, 7000, 7000]);
});

Deno.test("AcmeClient.issue gives up when the server wants longer than is left", async () => {
  await using at = await scene();
  Object.assign(at.server.authority.behaviour, { looks: 1, retryAfter: "3600" });
  await assert.rejects(() => issue(at), { code: "unavailable", retryAfterSeconds: 3600 });
  assert.deepEqual(at.dns.cleared, names);
});

Deno.test("AcmeClient.issue ends at once when it is aborted", async () => {
  await using at = await scene({
    wait: (_, signal) => new Promise((_, reject) => signal!.onabort = () => reject(signal!.reason)),
  });
  at.server.authority.behaviour.looks = 1;
  const stop = new AbortController();
  const issued = issue(at, { signal: stop.signal });
  while (at.server.checks.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort(new Error("stopped"));
  await assert.rejects(issued);
  assert.deepEqual(at.dns.cleared, names);
});

const refusals: [string, (at: Scene) => void, Partial<PlatformError>, RegExp][] = [
  [
    "a rate limit, with its Retry-After",
    ({ server }) =>
      server.authority.behaviour.problem = { status: 429, type: "rateLimited", detail: "too many", retryAfter: "120" },
    { code: "rate_limited", rule: "rateLimited", retryAfterSeconds: 120 },
    /refused POST \/orders: rateLimited: too many \(status 429\); try again in 120 s$/,
  ],
  [
    "an overload",
    ({ server }) => server.authority.behaviour.problem = { status: 503, type: "serverInternal", detail: "busy" },
    { code: "unavailable", rule: "serverInternal" },
    /serverInternal: busy \(status 503\)/,
  ],
  [
    "subproblems, in words",
    ({ server }) => server.authority.behaviour.forbidden = names,
    { code: "denied", rule: "rejectedIdentifier" },
    /rejectedIdentifier: some names are refused \("www.example.org" caa: a CAA record forbids it\)/,
  ],
  [
    "a challenge that isn't met, with the server's reason",
    ({ dns }) => dns.idle = true,
    { code: "denied", rule: "unauthorized" },
    /^The proof of "www.example.org" by dns-01 failed: unauthorized: no TXT record has the right value$/,
  ],
  [
    "no challenge in common",
    ({ server }) => server.authority.behaviour.challenges = ["http-01"],
    { code: "conflict" },
    /can't be proven: the ACME server takes "http-01", we do dns-01/,
  ],
  [
    "URLs elsewhere",
    ({ server }) => server.authority.behaviour.origin = "https://127.0.0.1:1",
    { code: "conflict" },
    /gave a URL elsewhere for the order: "https:\/\/127.0.0.1:1\/order\/0"/,
  ],
  [
    "terms that nobody agreed to",
    ({ server }) => server.authority.behaviour.terms = "https://ca.example/terms",
    { code: "conflict", hint: "Read https://ca.example/terms and say in the configuration that you agree" },
    /terms of service are not agreed to/,
  ],
  [
    "an external account that is missing",
    ({ server }) => server.authority.behaviour.externalAccounts = new Map([["kid-1", "c2VjcmV0LXNlY3JldC1zZWNyZXQ"]]),
    { code: "denied", rule: "externalAccountRequired" },
    /wants an external account/,
  ],
];
for (const [what, arrange, facts, message] of refusals) {
  Deno.test(`AcmeClient.issue reports ${what}`, async () => {
    await using at = await scene();
    arrange(at);
    await assert.rejects(() => issue(at), (error: PlatformError) => {
      assert.match(error.message, message);
      for (const [key, value] of Object.entries(facts)) assert.equal(error[key as keyof PlatformError], value, key);
      return true;
    });
  });
}

const day = 86_400_000;
const badChains: [string, (root: Scene["server"]["root"], leaf: string) => string | Promise<string>, RegExp][] = [
  [
    "another key",
    async (root) => await signLeaf(root, (await generateKey()).publicKey, { names }) + root.certificatePem,
    /it is for another key/,
  ],
  [
    "other names",
    async (root, leaf) => await resigned(root, leaf, { names: ["www.example.net"] }),
    /its names are www.example.net/,
  ],
  [
    "more names",
    async (root, leaf) => await resigned(root, leaf, { names: [...names, "www.example.net"] }),
    /its names are www.example.net, www.example.org/,
  ],
  [
    "an end that has passed",
    async (root, leaf) =>
      await resigned(root, leaf, {
        names,
        notBefore: new Date(Date.now() - 50_000),
        notAfter: new Date(Date.now() - 1000),
      }),
    /it expired at/,
  ],
  [
    "a beginning in the future",
    async (root, leaf) => await resigned(root, leaf, { names, notBefore: new Date(Date.now() + day) }),
    /valid only from/,
  ],
  [
    "a chain in another order",
    (root, leaf) => root.certificatePem + leaf,
    /it is for another key/,
  ],
  [
    "a chain that doesn't hang together",
    async (_, leaf) =>
      parseCertificate(leaf).pem + (await createRoot({ name: "Another root", days: 1 })).certificatePem,
    /not signed by the next in its chain/,
  ],
  ["nothing", () => "", /no PEM block/],
];

async function resigned(root: Scene["server"]["root"], leaf: string, options: Parameters<typeof signLeaf>[2]) {
  const { publicKey } = parseCertificate(leaf);
  const key = await crypto.subtle.importKey("spki", publicKey, { name: "ECDSA", namedCurve: "P-256" }, true, [
    "verify",
  ]);
  return await signLeaf(root, key, options) + root.certificatePem;
}

for (const [what, tamper, message] of badChains) {
  Deno.test(`AcmeClient.issue refuses a certificate with ${what}`, async () => {
    await using at = await scene();
    at.server.authority.behaviour.tamper = (chain) => tamper(at.server.root, chain);
    await assert.rejects(() => issue(at), (error: Error) => {
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("AcmeClient.account finds the key's account again, brings its contacts up to date, and is opened once", async () => {
  await using at = await scene();
  const accountKey = await generateKey("P-256", { extractable: false });
  const contacts = ["mailto:one@example.org"];
  const first = await at.another({ accountKey, contacts });
  const made = await first.account();
  assert.equal(made.created, true);
  assert.deepEqual(made.contacts, contacts);
  assert.equal(await first.account(), made);
  assert.equal(at.server.authority.requests.filter((each) => each === "POST account").length, 1);
  const second = await (await at.another({ accountKey, contacts: ["mailto:two@example.org"] })).account();
  assert.deepEqual(second, { url: made.url, created: false, contacts: ["mailto:two@example.org"] });
});

Deno.test("AcmeClient.account binds to an external account, and needs neither it nor terms a second time", async () => {
  await using at = await scene();
  const { behaviour } = at.server.authority;
  const hmacKey = crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
  behaviour.externalAccounts = new Map([["kid-1", hmacKey]]);
  behaviour.terms = "https://ca.example/terms";
  const accountKey = await generateKey();
  const wrong = await at.another({ accountKey, termsAgreed: true, externalAccount: { keyId: "kid-2", hmacKey } });
  await assert.rejects(() => wrong.account(), { code: "denied", rule: "unauthorized" });
  const bound = await at.another({ accountKey, termsAgreed: true, externalAccount: { keyId: "kid-1", hmacKey } });
  const { url } = await bound.account();
  assert.equal((await (await at.another({ accountKey })).account()).url, url);
});

Deno.test("AcmeClient.changeKey moves the account to the new key; the old one opens nothing", async () => {
  await using at = await scene();
  const [old, next] = [await generateKey(), await generateKey()];
  const client = await at.another({ accountKey: old });
  const { url } = await client.account();
  await client.changeKey(next);
  await client.issue({ names, key: "P-256", solver: at.dns });
  assert.equal((await (await at.another({ accountKey: next })).account()).url, url);
  assert.notEqual((await (await at.another({ accountKey: old })).account()).url, url);
});

Deno.test("AcmeClient.issue opens a new account when the server has forgotten the old one", async () => {
  await using at = await scene();
  await issue(at);
  at.server.authority.forgetAccounts();
  await issue(at);
});

Deno.test("AcmeClient.revoke tells the server once", async () => {
  await using at = await scene();
  const { chainPem } = await issue(at);
  await at.client.revoke(chainPem, "superseded");
  assert.deepEqual(at.server.authority.revoked, [parseCertificate(chainPem).serial]);
  await assert.rejects(() => at.client.revoke(chainPem), { code: "conflict", rule: "alreadyRevoked" });
});

Deno.test("AcmeClient.renewal is when the server says, with its patience, and orders say what they replace", async () => {
  await using at = await scene();
  const { behaviour } = at.server.authority;
  behaviour.window = { start: "2027-01-02T00:00:00Z", end: "2027-01-03T00:00:00Z" };
  behaviour.retryAfter = "21600";
  const { chainPem } = await issue(at);
  const renewal = await at.client.renewal(chainPem);
  assert.equal(renewal.byCa, true);
  assert.ok(
    renewal.at >= new Date(behaviour.window.start) && renewal.at < new Date(behaviour.window.end),
    `${renewal.at}`,
  );
  assert.deepEqual(await at.client.renewAt(chainPem), renewal.at);
  assert.ok(Math.abs(renewal.askAgainAt.getTime() - Date.now() - 21_600_000) < 60_000);
  assert.equal(renewal.explanationUrl, "https://ca.example/why");
  behaviour.retryAfter = "";
  await issue(at, { replaces: chainPem });
  assert.equal(at.server.authority.replaced.length, 1);
  // A second one for the same is refused as "alreadyReplaced", and had without.
  await issue(at, { replaces: chainPem });
  behaviour.window = { start: "2027-01-03T00:00:00Z", end: "2027-01-03T00:00:00Z" };
  assert.equal((await at.client.renewal(chainPem)).byCa, false);
});

Deno.test("AcmeClient.renewal is by age when the server can't be asked", async () => {
  await using at = await scene();
  const { chainPem } = await issue(at);
  const { notBefore, notAfter } = parseCertificate(chainPem);
  const dead = new AcmeClient({
    directoryUrl: at.server.directory,
    http: { request: () => Promise.reject(new PlatformError("unavailable", "nobody there")) },
    accountKey: await generateKey(),
    clock: new FakeClock(),
    log: silentLogger,
  });
  const share = ((await dead.renewAt(chainPem)).getTime() - notBefore.getTime()) /
    (notAfter.getTime() - notBefore.getTime());
  assert.ok(share >= 2 / 3 - 1 / 20 && share <= 2 / 3, `${share}`);
});

Deno.test("AcmeClient refuses a plain http directory and a key other than P-256", async () => {
  const rest = { http: { request: () => Promise.reject(new Error()) }, log: silentLogger };
  const [good, bad] = [await generateKey("P-256"), await generateKey("P-384")];
  assert.throws(() => new AcmeClient({ ...rest, directoryUrl: "http://127.0.0.1/d", accountKey: good }), {
    field: "directoryUrl",
  });
  assert.throws(() => new AcmeClient({ ...rest, directoryUrl: "https://127.0.0.1/d", accountKey: bad }), {
    field: "accountKey",
  });
});
