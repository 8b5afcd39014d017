import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { DomainName } from "../domain/name.ts";
import { types } from "../domain/rdata/record_type.ts";
import { answersUnderTest } from "../testing/answers_under_test.ts";
import { scriptedUpstream } from "../testing/scripted_upstream.ts";
import { viewsOf, zoneOf } from "../testing/zone_text.ts";
import { Forwarder } from "./forward/forwarder.ts";
import { openUpstream } from "./forward/open_forwarder.ts";

const views = viewsOf(
  zoneOf(
    "example.org",
    [
      "@ ALIAS www",
      "www 60 A 192.0.2.1",
      "www 60 A 192.0.2.2",
      "chain ALIAS cname",
      "cname 30 CNAME www.sub",
      "*.wild ALIAS www",
      "second ALIAS chain",
      "dname ALIAS x.d",
      "d 45 DNAME sub",
      "empty ALIAS text",
      "text TXT x",
      "gone ALIAS nothing",
      "loop ALIAS loop2",
      "loop2 CNAME loop",
      "to CNAME chain",
      "far 600 ALIAS www.example.net.",
      "far TXT beside",
      "cut ALIAS x.delegated",
      "delegated NS ns.example.net.",
    ],
  ),
  zoneOf("sub.example.org", ["www 120 A 192.0.2.3", "x 120 A 192.0.2.4"]),
);
const soa = (ttl: number) => `example.org ${ttl} SOA ns1.example.org admin.example.org 2026010100 3600 600 604800 300`;

Deno.test("Answers gives an ALIAS's addresses as the name's own, with the smallest TTL on the way", () => {
  const ask = answersUnderTest({ views });
  for (
    const [question, want, remark] of [
      [
        "example.org A",
        ["NOERROR qr aa rd", "example.org 60 A 192.0.2.1", "example.org 60 A 192.0.2.2"],
        "at the apex",
      ],
      [
        "chain.example.org A",
        ["NOERROR qr aa rd", "chain.example.org 30 A 192.0.2.3"],
        "through a CNAME, another zone",
      ],
      ["second.example.org A", ["NOERROR qr aa rd", "second.example.org 30 A 192.0.2.3"], "through another ALIAS"],
      ["dname.example.org A", ["NOERROR qr aa rd", "dname.example.org 45 A 192.0.2.4"], "through a DNAME"],
      ["a.wild.example.org A", [
        "NOERROR qr aa rd",
        "a.wild.example.org 60 A 192.0.2.1",
        "a.wild.example.org 60 A 192.0.2.2",
      ], ""],
      ["to.example.org A", [
        "NOERROR qr aa rd",
        "to.example.org 300 CNAME chain.example.org",
        "chain.example.org 30 A 192.0.2.3",
      ], "after a CNAME"],
      ["example.org AAAA", ["NOERROR qr aa rd", "authority:", soa(300)], "the target has none"],
      ["empty.example.org A", ["NOERROR qr aa rd", "authority:", soa(300)], "nor here"],
      ["gone.example.org A", ["NOERROR qr aa rd", "authority:", soa(300)], "the name itself exists"],
      ["chain.example.org AAAA", ["NOERROR qr aa rd", "authority:", soa(30)], "kept no longer than the way to it"],
      ["chain.example.org TXT", ["NOERROR qr aa rd", "authority:", soa(300)], "addresses only"],
      ["far.example.org TXT", ["NOERROR qr aa rd", 'far.example.org 300 TXT "beside"'], ""],
      ["loop.example.org A", ["SERVFAIL qr rd"], ""],
      ["far.example.org A", ["SERVFAIL qr rd"], "nobody to ask"],
    ] as const
  ) {
    const [first, ...rest] = ask(question).split("\n").filter((line) => !line.startsWith(";"));
    assert.deepEqual([first, ...rest.sort()], [want[0], ...want.slice(1).sort()], `${question} ${remark}`);
  }
  assert.match(ask("far.example.org A", { edns: 1232 }), /^SERVFAIL qr rd edns=1232 ede=22/);
});

Deno.test("Answers replies to a question for an ALIAS that leads to a CNAME of the root", () => {
  const zone = zoneOf("example.org", ["@ ALIAS none"]);
  const { key } = DomainName.parse("none.example.org", "name");
  // No caller here can write it, but a transfer can bring it.
  zone.replaceSets(key, [{ type: types.CNAME, ttlSeconds: 60, data: ["\0"], signatures: [] }]);
  const ask = answersUnderTest({ views: viewsOf(zone) });
  assert.equal(ask("example.org A"), "SERVFAIL qr rd\n;example.org A");
});

Deno.test("Answers asks an upstream for an ALIAS that leads out of our zones, for any client", async () => {
  await using upstream = scriptedUpstream((name) => {
    if (name === ".") return {};
    if (name !== "www.example.net") return { rcode: "NXDOMAIN", authorities: ["delegated.example.org 900 SOA 20"] };
    return { answers: ["www.example.net 200 CNAME cdn.example.net", "cdn.example.net 40 A 198.51.100.1"] };
  });
  const clock = new FakeClock();
  const forwarder = new Forwarder({
    upstreams: [openUpstream(upstream.address, { source_addrs: ["127.0.0.1:0"] }, clock)],
    cacheBytes: 100_000,
    maxTtlSeconds: 300,
    timeoutMs: 2000,
    deadlineMs: 5000,
    clock,
    log: silentLogger,
  });
  const ask = answersUnderTest({ views, forwarder });
  const want = (ttl: number) => `NOERROR qr aa rd\n;far.example.org A\nfar.example.org ${ttl} A 198.51.100.1`;
  assert.equal(await ask.eventually("far.example.org A"), want(40));
  clock.advance(10_000);
  assert.equal(ask("far.example.org A"), want(30), "from the cache, counted down");
  assert.equal(
    await ask.eventually("cut.example.org A"),
    `NOERROR qr aa rd\n;cut.example.org A\nauthority:\n${soa(20)}`,
    "no such name there: no addresses",
  );
  assert.equal(ask("www.example.net A"), "REFUSED qr rd\n;www.example.net A", "not for asking directly");
  upstream.behave = () => ({ rcode: "SERVFAIL" });
  clock.advance(60_000);
  assert.match(await ask.eventually("far.example.org A"), /^SERVFAIL qr rd\n/);
  await forwarder.close();
});
