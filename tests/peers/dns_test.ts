/** MCNS as dig (BIND) and kdig (Knot) see it. */
import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { processEnvironment } from "@lib/config/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { Answers } from "../../services/mcns/dns/answer.ts";
import { ClientNetworks } from "../../services/mcns/dns/client_networks.ts";
import { Counters } from "../../services/mcns/dns/counters.ts";
import { listenDns } from "../../services/mcns/dns/transport/listen.ts";
import { directoryOf, zoneOf } from "../../services/mcns/testing/zone_text.ts";

const missing: string[] = [];
for (const tool of ["dig", "kdig"]) if (!await isInstalled(tool)) missing.push(tool);

// Without the tools there is nothing to compare with; CI has them and must not pass without.
Deno.test({
  name: `dig and kdig understand every kind of answer${
    missing.length === 0 ? "" : ` (missing: ${missing.join(", ")})`
  }`,
  ignore: missing.length > 0 && processEnvironment("CI") === undefined,
  async fn() {
    const zone = zoneOf("example.org", [
      "ns1 A 192.0.2.53",
      "www 300 A 192.0.2.1",
      "www 300 A 192.0.2.2",
      "web CNAME www",
      "*.wild AAAA 2001:db8::1",
      "a.b A 192.0.2.3",
      ...Array.from({ length: 60 }, (_, i) => `many AAAA 2001:db8::${(i + 1).toString(16)}`),
    ]);
    const zones = directoryOf(zone);
    const dns = await listenDns({
      addresses: ["127.0.0.1:0"],
      answers: new Answers({
        views: { directoryFor: () => zones },
        forwarder: null,
        forwardFor: new ClientNetworks([]),
        counters: new Counters(),
        log: silentLogger,
      }),
      counters: new Counters(),
      clock: systemClock,
      log: silentLogger,
      idleMs: 10_000,
      maxConnections: 100,
      maxPerClient: 100,
    });
    const port = dns.addresses[0]!.split(":")[1]!;
    const ask = (tool: string, args: string) => run(tool, ["@127.0.0.1", "-p", port, ...args.split(" ")]);
    try {
      for (const tool of ["dig", "kdig"]) {
        for (
          const [args, want] of [
            ["+short www.example.org A", /^192\.0\.2\.1\n192\.0\.2\.2\n$/],
            ["+short +tcp www.example.org A", /^192\.0\.2\.1\n192\.0\.2\.2\n$/],
            ["+short web.example.org A", /^www\.example\.org\.\n192\.0\.2\.1\n192\.0\.2\.2\n$/],
            ["+short x.y.wild.example.org AAAA", /^2001:db8::1\n$/],
            ["+short example.org SOA", /^ns1\.example\.org\. admin\.example\.org\. 2026010100 3600 600 604800 300\n$/],
            ["nope.example.org A", /status: NXDOMAIN[^]*example\.org\.\s+300\s+IN\s+SOA/],
            ["b.example.org A", /status: NOERROR[^]*ANSWER: 0[^]*SOA/],
            ["www.example.org TYPE65", /status: NOERROR[^]*ANSWER: 0[^]*SOA/],
            ["example.org NS", /IN\s+NS\s+ns1\.example\.org\.[^]*192\.0\.2\.53/],
            ["+dnssec www.example.org A", /flags: do;/i],
            ["elsewhere.net A", /status: REFUSED/],
            ["example.org AXFR", /Transfer failed|REFUSED/i],
            // 60 × 28 octets are more than UDP carries: both tools come back over TCP by themselves.
            ["+short many.example.org AAAA", /^(2001:db8::[0-9a-f]+\n){60}/m],
          ] as const
        ) {
          const out = await ask(tool, args);
          assert.match(out, want, `${tool} ${args}`);
          assert.doesNotMatch(
            out,
            /WARNING: (?!recursion|truncated)|malformed|extra bytes|mismatch/i,
            `${tool} ${args}`,
          );
        }
      }
      // EDNS compliance as the DNS flag days test it.
      for (
        const [args, want] of [
          ["+noedns +norec example.org SOA", /status: NOERROR(?![^]*EDNS)/],
          ["+edns=100 +noednsnegotiation +norec example.org SOA", /status: BADVERS[^]*EDNS: version: 0/],
          ["+ednsopt=100 +norec example.org SOA", /status: NOERROR(?![^]*OPT=100)/],
          ["+ednsflags=0x40 +norec example.org SOA", /status: NOERROR(?![^]*MBZ)/],
          ["+bufsize=512 +ignore +norec many.example.org AAAA", /flags: qr aa tc;/],
          ["+noedns +opcode=15 +header-only +norec", /status: NOTIMP/],
          ["CH TXT version.bind", /status: REFUSED/],
        ] as const
      ) assert.match(await ask("dig", args), want, args);
    } finally {
      await dns.close(1000);
    }
  },
});

async function isInstalled(tool: string): Promise<boolean> {
  try {
    await new Deno.Command(tool, { args: ["-v"], stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

async function run(tool: string, args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(tool, { args, stdout: "piped", stderr: "piped" }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}
