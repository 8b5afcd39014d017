/** MCNS's forwarder in front of real resolvers and servers: Unbound, Knot, BIND. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeClock, systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { run, throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { Forwarder, type ForwarderOptions } from "../../services/mcns/dns/forward/forwarder.ts";
import { type ForwardSettings, openUpstream } from "../../services/mcns/dns/forward/open_forwarder.ts";
import type { Resolution } from "../../services/mcns/dns/forward/upstream_reply.ts";
import { rcodeText } from "../../services/mcns/dns/query_log.ts";
import { DomainName } from "../../services/mcns/domain/name.ts";
import { typeCode } from "../../services/mcns/domain/rdata/record_type.ts";
import { recordText } from "../../services/mcns/testing/dig_notation.ts";
import { scriptedUpstream } from "../../services/mcns/testing/scripted_upstream.ts";
import { startUnbound } from "./dns_resolvers.ts";
import { McnsProcess } from "./mcns_process.ts";
import { startBind, startKnot } from "./dns_servers.ts";
import { freePort } from "./dns_transfer_servers.ts";
import { withTools } from "./tools.ts";

interface UnderTest extends AsyncDisposable {
  readonly forwarder: Forwarder;
  /** "NXDOMAIN stale", then the answer's records without TTL. */
  ask(text: string, dnssecOk?: boolean): Promise<string>;
}

function forwarderTo(
  upstreams: readonly string[],
  options: Partial<ForwarderOptions & Pick<ForwardSettings, "tls_ca">> = {},
): UnderTest {
  const { tls_ca = "", clock = systemClock, ...rest } = options;
  const forwarder = new Forwarder({
    upstreams: upstreams.map((text) => openUpstream(text, { source_addrs: ["127.0.0.1:0"], tls_ca }, clock)),
    cacheBytes: 1_000_000,
    maxTtlSeconds: 300,
    staleSeconds: 86_400,
    timeoutMs: 1500,
    deadlineMs: 4000,
    clock,
    log: silentLogger,
    ...rest,
  });
  return {
    forwarder,
    async ask(text, dnssecOk = false) {
      const [name = "", type = "A"] = text.split(" ");
      const key = DomainName.parse(name, "name").key;
      const question = { key, type: typeCode(type), dnssecOk, checkingDisabled: false };
      const cached = forwarder.cached(question);
      return shown(cached === undefined ? await forwarder.resolve(question) : cached.resolution);
    },
    [Symbol.asyncDispose]: () => forwarder.close(),
  };
}

function shown(resolution: Resolution | null): string {
  if (resolution === null) return "none";
  const records = resolution.answers.map((record) => recordText(record).replace(/ \d+ /, " ")).sort();
  return [rcodeText(resolution.rcode) + (resolution.stale ? " stale" : ""), ...records].join("\n");
}

const addresses = Array.from({ length: 100 }, (_, i) => `192.0.2.${i}`);

const records = [
  "www.example.net. 60 IN A 192.0.2.1",
  "www.example.net. 60 IN A 192.0.2.2",
  "mail.example.net. 60 IN MX 10 www.example.net.",
  'txt.example.net. 60 IN TXT "one" "two"',
  "example.net. 60 IN SOA ns.example.net. admin.example.net. 1 3600 600 86400 30",
  "example.net. 60 IN NS ns.example.net.",
  ...addresses.map((address) => `many.example.net. 60 IN A ${address}`),
];

const zone = {
  origin: "example.net",
  text: `$ORIGIN example.net.\n${records.join("\n")}\nns.example.net. 60 IN A 192.0.2.53\n` +
    "alias.example.net. 60 IN CNAME www.example.net.\n",
};

/** The same answers from everyone, over UDP and, for the long one, over TCP. */
const expected: [string, string][] = [
  ["www.example.net A", "NOERROR\nwww.example.net A 192.0.2.1\nwww.example.net A 192.0.2.2"],
  ["mail.example.net MX", "NOERROR\nmail.example.net MX 10 www.example.net"],
  ["txt.example.net TXT", 'NOERROR\ntxt.example.net TXT "one" "two"'],
  ["no.example.net A", "NXDOMAIN"],
  ["www.example.net AAAA", "NOERROR"],
  ["many.example.net A", ["NOERROR", ...addresses.map((one) => `many.example.net A ${one}`).sort()].join("\n")],
];

async function asksWell(upstream: string, options: Parameters<typeof forwarderTo>[1] = {}): Promise<void> {
  await using test = forwarderTo([upstream], options);
  for (const round of ["asked", "cached"]) {
    for (const [text, want] of expected) assert.equal(await test.ask(text), want, `${text}, ${round}`);
  }
  const [state] = test.forwarder.upstreams;
  assert.deepEqual([state?.queries, state?.failures, state?.healthy], [expected.length, 0, true]);
  assert.equal(test.forwarder.cacheStats.entries, expected.length, "all were kept, the negative ones too");
}

Deno.test({
  ...withTools("the forwarder asks Unbound, over TCP where an answer is long", "unbound"),
  async fn() {
    const port = freePort();
    await using _ = await startUnbound(port, { records });
    await asksWell(`127.0.0.1:${port}`);
  },
});

Deno.test({
  ...withTools("the forwarder asks Knot and BIND, with cookies, and follows aliases", "knotd", "named"),
  async fn() {
    for (const start of [startKnot, startBind]) {
      const port = freePort();
      await using server = await start(port, [zone]);
      await asksWell(`127.0.0.1:${port}`);
      await using test = forwarderTo([`127.0.0.1:${port}`]);
      assert.equal(
        await test.ask("alias.example.net A", true),
        "NOERROR\nalias.example.net CNAME www.example.net\nwww.example.net A 192.0.2.1\nwww.example.net A 192.0.2.2",
        server.name,
      );
      // Not its zone: an authoritative server refuses, and is up all the same.
      assert.equal(await test.ask("elsewhere.org A"), "none", server.name);
      assert.equal(test.forwarder.upstreams[0]?.healthy, true, server.name);
    }
  },
});

Deno.test({
  ...withTools("the forwarder asks Unbound over TLS, on one connection, and only as the right name", "unbound"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const ca = await throwawayCa();
    const issued = await writeIssued(folder, await ca.issue(["dns.example.net"]));
    const tls_ca = join(folder, "ca.pem");
    await Deno.writeTextFile(tls_ca, ca.root);
    const port = freePort(), tlsPort = freePort();
    await using _ = await startUnbound(port, { records, tls: { port: tlsPort, ...issued } });
    await asksWell(`tls://127.0.0.1:${tlsPort}#dns.example.net`, { tls_ca });
    await using impostor = forwarderTo([`tls://127.0.0.1:${tlsPort}#other.example.net`], { tls_ca });
    assert.equal(await impostor.ask("www.example.net A"), "none");
    assert.match(impostor.forwarder.upstreams[0]!.error, /is not for "other\.example\.net"/);
    // A plain port isn't fallen back to, nor does it look like TLS.
    await using plain = forwarderTo([`tls://127.0.0.1:${port}#dns.example.net`], { tls_ca, timeoutMs: 300 });
    assert.equal(await plain.ask("www.example.net A"), "none");
    await using busy = forwarderTo([`tls://127.0.0.1:${tlsPort}#dns.example.net`], { tls_ca });
    const many = Array.from({ length: 300 }, (_, i) => busy.ask(`n${i}.example.net A`));
    assert.deepEqual(new Set(await Promise.all(many)), new Set(["NXDOMAIN"]));
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  ...withTools("when Unbound is killed, answers are stale, until it is back", "unbound"),
  async fn() {
    const port = freePort();
    const clock = new FakeClock();
    await using test = forwarderTo([`127.0.0.1:${port}`], { clock, timeoutMs: 200 });
    const fresh = expected[0]![1];
    {
      await using _ = await startUnbound(port, { records });
      assert.equal(await test.ask("www.example.net A"), fresh);
      await test.ask("no.example.net A");
    }
    assert.equal(await test.ask("www.example.net A"), fresh, "not expired yet");
    clock.advance(60_000);
    const stale = fresh.replace("NOERROR", "NOERROR stale");
    assert.equal(await test.ask("www.example.net A"), stale);
    assert.equal(await test.ask("no.example.net A"), "NXDOMAIN stale");
    assert.equal(await test.ask("mail.example.net MX"), "none", "never asked before");
    assert.equal(test.forwarder.upstreams[0]!.healthy, false);
    await using _ = await startUnbound(port, { records });
    clock.advance(31_000);
    await test.forwarder.tend();
    assert.equal(test.forwarder.upstreams[0]!.healthy, true);
    assert.equal(await test.ask("www.example.net A"), fresh);
    assert.equal(await test.ask("mail.example.net MX"), expected[1]![1]);
  },
});

Deno.test({
  ...withTools("nobody waits for a slow upstream or a dead one when Unbound is there too", "unbound"),
  async fn() {
    const port = freePort();
    await using _ = await startUnbound(port, { records });
    using timers = new DisposableStack();
    await using slow = scriptedUpstream(async (name) => {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 800);
        timers.defer(() => clearTimeout(timer));
      });
      return { answers: [`${name} 60 A 192.0.2.99`] };
    });
    const times: number[] = [];
    await using test = forwarderTo([slow.address, `127.0.0.1:${freePort()}`, `127.0.0.1:${port}`], {
      strategy: "fastest",
    });
    for (let i = 0; i < 20; i++) {
      const start = performance.now();
      assert.equal(await test.ask(`n${i}.example.net A`), "NXDOMAIN");
      times.push(performance.now() - start);
    }
    // The first question may go through both others; from then on Unbound comes first.
    times.sort((a, b) => a - b);
    assert.ok(times.at(-1)! < 700, `slowest ${times.at(-1)} ms`);
    assert.ok(times[17]! < 100, `18 of 20 within ${times[17]} ms`);
  },
});

Deno.test({
  ...withTools("MCNS in its sandbox forwards over TLS, blocks, and keeps its cache over a restart", "unbound", "dig"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const ca = await throwawayCa();
    const issued = await writeIssued(folder, await ca.issue(["dns.example.net"]));
    await Deno.writeTextFile(join(folder, "ca.pem"), ca.root);
    await Deno.writeTextFile(join(folder, "blocked"), "# a list\n0.0.0.0 ads.example.net\ntrackers.example\n");
    const tlsPort = freePort();
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const mcns = stack.use(
      await McnsProcess.start({
        config: {
          forward: [
            `tls_upstreams = ["127.0.0.1:${tlsPort}"]`,
            'tls_server_name = "dns.example.net"',
            `tls_ca = "${join(folder, "ca.pem")}"`,
            `blocklist_files = ["${join(folder, "blocked")}"]`,
            "timeout_ms = 300",
            "max_ttl_seconds = 3",
          ],
        },
      }),
    );
    const dig = async (...args: string[]) =>
      (await run("dig", ["@127.0.0.1", "-p", String(mcns.port), "+tries=1", "+time=6", ...args])).stdout;
    {
      await using _ = await startUnbound(freePort(), { records, tls: { port: tlsPort, ...issued } });
      assert.match(await dig("www.example.net"), /NOERROR[^]*192\.0\.2\.2/);
      assert.match(await dig("many.example.net", "+short"), /^(192\.0\.2\.\d+\n){100}$/, "over TCP");
      assert.match(await dig("no.example.net"), /NXDOMAIN[^]*SOA/);
      assert.match(await dig("ads.example.net"), /NXDOMAIN[^]*EDE: 15 \(Blocked\)/);
      assert.match(await dig("x.trackers.example", "AAAA"), /NXDOMAIN[^]*EDE: 15 \(Blocked\)/);
    }
    // Without its upstream, after a restart: what it kept is stale soon, and better than nothing.
    await mcns.replace();
    let out = "";
    // The new process reads within a second what the old one wrote when it ended.
    for (let tries = 0; tries < 50 && !out.includes("EDE: 3 "); tries++) {
      out = await dig("www.example.net");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.match(out, /EDE: 3 \(Stale Answer\)[^]*www\.example\.net\.\s+30\s/);
    assert.match(await dig("mail.example.net", "MX"), /SERVFAIL[^]*EDE: 2[23] /);
    await using _ = await startUnbound(freePort(), { records, tls: { port: tlsPort, ...issued } });
    for (let tries = 0; tries < 30 && !out.includes("NOERROR"); tries++) out = await dig("mail.example.net", "MX");
    assert.match(out, /NOERROR/);
  },
});
