import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { DomainName } from "../../domain/name.ts";
import { query, type QueryOptions, recordText, show } from "../../testing/dig_notation.ts";
import { type Behaviour, type ScriptedUpstream, scriptedUpstream } from "../../testing/scripted_upstream.ts";
import { directoryOf, zoneOf } from "../../testing/zone_text.ts";
import { Answers } from "../answer.ts";
import { ClientNetworks } from "../client_networks.ts";
import { types } from "../codes.ts";
import { Counters } from "../counters.ts";
import { Forwarder } from "./forwarder.ts";
import { Upstream } from "./upstream.ts";
import type { Question } from "./upstream_reply.ts";

interface UnderTest extends AsyncDisposable {
  forwarder: Forwarder;
  clock: FakeClock;
  /** The answer records as text, or "none". */
  ask(text: string): Promise<string[]>;
}

/** Time-outs are real, short where a test waits for one; the cache's and the back-off's time is the fake clock's. */
function underTest(upstreams: (ScriptedUpstream | string)[], timeoutMs = 2000): UnderTest {
  const clock = new FakeClock();
  const forwarder = new Forwarder({
    upstreams: upstreams.map((one) =>
      new Upstream({ address: typeof one === "string" ? one : one.address, source: "127.0.0.1:0", clock })
    ),
    cacheBytes: 100_000,
    maxTtlSeconds: 300,
    timeoutMs,
    deadlineMs: 10_000,
    clock,
    log: silentLogger,
  });
  return {
    forwarder,
    clock,
    async ask(text) {
      const resolution = await forwarder.resolve(question(text));
      return resolution === null ? ["none"] : resolution.answers.map(recordText);
    },
    [Symbol.asyncDispose]: () => forwarder.close(),
  };
}

function question(text: string): Question {
  const [name = "", type = "A"] = text.split(" ");
  const key = DomainName.parse(name, "name").key;
  return { key, type: types[type as keyof typeof types], dnssecOk: false, checkingDisabled: false };
}

const answering: Behaviour = (name) => ({ answers: [`${name} 60 A 192.0.2.1`] });
const answer = (name: string) => [`${name} 60 A 192.0.2.1`];

Deno.test("Forwarder asks with a random id, letter case and EDNS, and only once for the same question", async () => {
  await using upstream = scriptedUpstream(answering);
  await using test = underTest([upstream]);
  const name = "a-name-with-many-letters.example.net";
  const both = await Promise.all([test.ask(name), test.ask(name)]);
  assert.deepEqual(both, [answer(name), answer(name)]);
  assert.deepEqual(upstream.asked, [`udp ${name}`]);
  for (let i = 0; i < 3; i++) await test.ask(name); // resolve() doesn't look into the cache: its caller does
  const [first, second, third] = upstream.packets.map((packet) => packet.toHex());
  assert.notEqual(first!.slice(0, 4) + second!.slice(0, 4), second!.slice(0, 4) + third!.slice(0, 4), "ids");
  assert.equal(new Set(upstream.packets.map((packet) => packet.slice(12, 40).toHex())).size, 4, "letter case");
  assert.match(first!, /00002904d0/);
});

Deno.test("Forwarder keeps answers, positive and negative, and counts their age", async () => {
  await using upstream = scriptedUpstream((name) =>
    name.startsWith("no")
      ? { rcode: "NXDOMAIN", authorities: ["example.net 600 SOA 30"] }
      : { answers: [`${name} 60 A 192.0.2.1`] }
  );
  await using test = underTest([upstream]);
  assert.equal(test.forwarder.cached(question("www.example.net")), undefined);
  await test.ask("www.example.net");
  await test.ask("no.example.net");
  test.clock.advance(29_000);
  assert.equal(test.forwarder.cached(question("www.example.net"))?.ageSeconds, 29);
  assert.equal(test.forwarder.cached(question("no.example.net"))?.resolution.rcode, 3);
  test.clock.advance(1_000);
  assert.equal(test.forwarder.cached(question("no.example.net")), undefined);
  test.clock.advance(30_000);
  assert.equal(test.forwarder.cached(question("www.example.net")), undefined);
  await test.ask("www.example.net");
  assert.equal(test.forwarder.flush(), 1);
});

Deno.test("Forwarder goes on to the next upstream at SERVFAIL and REFUSED, and never keeps them", async () => {
  await using broken = scriptedUpstream(() => ({ rcode: "SERVFAIL" }));
  await using refusing = scriptedUpstream(() => ({ rcode: "REFUSED" }));
  await using good = scriptedUpstream(answering);
  await using test = underTest([broken, refusing, good]);
  assert.deepEqual(await test.ask("www.example.net"), answer("www.example.net"));
  assert.deepEqual([broken.asked.length, refusing.asked.length, good.asked.length], [1, 1, 1]);
  good.behave = () => ({ rcode: "SERVFAIL" });
  assert.deepEqual(await test.ask("other.example.net"), ["none"]);
  assert.equal(test.forwarder.cached(question("other.example.net")), undefined);
  assert.ok(test.forwarder.upstreams.every(({ healthy }) => healthy), "who replies is up");
});

Deno.test("Forwarder sets an upstream back that doesn't reply, and asks it again after the back-off", async () => {
  await using silent = scriptedUpstream(() => null);
  await using good = scriptedUpstream(answering);
  await using test = underTest([silent, good], 200);
  for (const name of ["a.net", "b.net", "c.net"]) assert.deepEqual(await test.ask(name), answer(name));
  assert.deepEqual(test.forwarder.upstreams.map(({ healthy, failures }) => [healthy, failures]), [[false, 3], [
    true,
    0,
  ]]);
  await test.ask("d.net");
  assert.equal(silent.asked.length, 3, "set back: not asked");
  test.clock.advance(1000);
  await test.ask("e.net");
  assert.equal(silent.asked.length, 4, "asked again after a second");
  test.clock.advance(1999);
  await test.ask("f.net");
  assert.equal(silent.asked.length, 4, "and then only after two");
  test.clock.advance(1);
  silent.behave = answering;
  await test.ask("g.net");
  assert.deepEqual(test.forwarder.upstreams[0], { address: silent.address, healthy: true, failures: 4 });
});

Deno.test("Forwarder asks once more when nobody replied, then gives up", async () => {
  await using silent = scriptedUpstream(() => null);
  await using test = underTest([silent], 200);
  assert.deepEqual(await test.ask("a.net"), ["none"]);
  assert.equal(silent.asked.length, 2);
  let asked = 0;
  silent.behave = (name) => asked++ === 0 ? null : answering(name, "udp");
  assert.deepEqual(await test.ask("b.net"), answer("b.net"));
});

Deno.test("Forwarder takes truncated replies over TCP", async () => {
  await using upstream = scriptedUpstream((name, transport) =>
    transport === "udp" ? { truncate: true } : { answers: [`${name} 60 A 192.0.2.2`] }
  );
  await using test = underTest([upstream]);
  assert.deepEqual(await test.ask("www.example.net"), ["www.example.net 60 A 192.0.2.2"]);
  assert.deepEqual(upstream.asked, ["udp www.example.net", "tcp www.example.net"]);
});

Deno.test("Forwarder asks again over TCP when the letter case was lost", async () => {
  const folding: Behaviour = (name) => ({
    answers: [`${name} 60 A 192.0.2.1`],
    tamper: (reply) => {
      for (let i = 12; reply[i] !== 0; i++) if (reply[i]! >= 65 && reply[i]! <= 90) reply[i]! += 32;
      return reply;
    },
  });
  await using upstream = scriptedUpstream(folding);
  await using test = underTest([upstream]);
  const name = "a-name-with-many-letters.example.net";
  assert.deepEqual(await test.ask(name), answer(name));
  assert.deepEqual(upstream.asked, [`udp ${name}`, `tcp ${name}`]);
});

Deno.test("Forwarder believes no reply that isn't to its question", async () => {
  const tampers: [string, (reply: Uint8Array) => Uint8Array][] = [
    ["another id", (reply) => Uint8Array.of(reply[0]! ^ 1, ...reply.subarray(1))],
    ["a query", (reply) => Uint8Array.of(reply[0]!, reply[1]!, reply[2]! & 0x7f, ...reply.subarray(3))],
    ["another name", (reply) => reply.map((octet, i) => i === 13 ? 0x7a : octet)],
    ["another type", (reply) => reply.map((octet, i) => i === 12 + 7 + 1 ? 28 : octet)],
    ["cut off", (reply) => reply.subarray(0, -1)],
    ["garbage", () => new Uint8Array(40).fill(0xc0)],
  ];
  for (const [remark, tamper] of tampers) {
    await using upstream = scriptedUpstream(() => ({ answers: ["a.net 60 A 192.0.2.66"], tamper }));
    await using test = underTest([upstream], 30);
    assert.deepEqual(await test.ask("a.net"), ["none"], remark);
  }
});

Deno.test("Forwarder believes no reply from another address", async () => {
  await using upstream = scriptedUpstream(() => null);
  const forger = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await using honest = scriptedUpstream(answering);
  // Looks like a relay, but replies from its own port.
  const relayed = (async () => {
    const [packet, from] = await upstream.socket.receive().catch(() => [new Uint8Array(0), null] as const);
    if (from !== null) await forger.send(packet, from);
  })();
  await using test = underTest([upstream, honest], 300);
  assert.deepEqual(await test.ask("a.net"), answer("a.net"));
  await relayed;
  forger.close();
});

Deno.test("Forwarder.close ends what is under way", async () => {
  await using upstream = scriptedUpstream(() => null);
  const test = underTest([upstream], 60_000);
  const asking = test.ask("a.net");
  await test.forwarder.close();
  assert.deepEqual(await asking, ["none"]);
  assert.deepEqual(await test.ask("b.net"), ["none"]);
});

Deno.test("an upstream where nothing listens is no answer", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using test = underTest([`127.0.0.1:${port}`], 30);
  assert.deepEqual(await test.ask("a.net"), ["none"]);
});

Deno.test("Answers forwards for allowed clients that want recursion, and completes chains that leave our zones", async () => {
  await using upstream = scriptedUpstream((name) =>
    name === "www.elsewhere.net"
      ? { answers: ["www.elsewhere.net 60 A 192.0.2.7"] }
      : name === "broken.net"
      ? { rcode: "SERVFAIL" }
      : { rcode: "NXDOMAIN", authorities: ["elsewhere.net 60 SOA 60"] }
  );
  await using test = underTest([upstream]);
  const counters = new Counters();
  const answers = new Answers({
    zones: directoryOf(zoneOf("example.org", [
      "www A 192.0.2.1",
      "out CNAME www.elsewhere.net",
      "gone CNAME gone.elsewhere.net",
      "stuck CNAME broken.net",
    ])),
    forwarder: test.forwarder,
    forwardFor: new ClientNetworks(["127.0.0.0/8"]),
    counters,
    log: silentLogger,
  });
  const dig = async (text: string, options: QueryOptions = {}, address = "127.0.0.1"): Promise<string[]> => {
    const out = new Uint8Array(65_535);
    const packet = query(text, options);
    const done = answers.answer(packet, { address, transport: "udp" }, out);
    packet.fill(0xff); // a listener reuses its buffer at once
    return show(typeof done === "number" ? out.subarray(0, done) : await done).split("\n");
  };
  const soa = "elsewhere.net 60 SOA ns.elsewhere.net admin.elsewhere.net 1 2 3 4 60";
  for (
    const [text, options, address, want] of [
      ["www.example.org A", {}, "127.0.0.1", ["NOERROR qr aa rd ra", "www.example.org 300 A 192.0.2.1"]],
      ["WWW.elsewhere.net A", {}, "127.0.0.1", ["NOERROR qr rd ra", "www.elsewhere.net 60 A 192.0.2.7"]],
      ["www.elsewhere.net A", { recursionDesired: false }, "127.0.0.1", ["REFUSED qr ra"]],
      ["www.elsewhere.net A", {}, "192.0.2.200", ["REFUSED qr rd"]],
      ["gone.elsewhere.net A", { checkingDisabled: true }, "127.0.0.1", ["NXDOMAIN qr rd ra cd", "authority:", soa]],
      ["broken.net A", {}, "127.0.0.1", ["SERVFAIL qr rd ra"]],
      ["out.example.org A", { edns: 1232 }, "127.0.0.1", [
        "NOERROR qr aa rd ra edns=1232",
        "out.example.org 300 CNAME www.elsewhere.net",
        "www.elsewhere.net 60 A 192.0.2.7",
      ]],
      ["out.example.org A", {}, "192.0.2.200", ["NOERROR qr aa rd", "out.example.org 300 CNAME www.elsewhere.net"]],
      ["out.example.org CNAME", {}, "127.0.0.1", [
        "NOERROR qr aa rd ra",
        "out.example.org 300 CNAME www.elsewhere.net",
      ]],
      ["gone.example.org A", {}, "127.0.0.1", [
        "NXDOMAIN qr aa rd ra",
        "gone.example.org 300 CNAME gone.elsewhere.net",
        "authority:",
        soa,
      ]],
      // Half a chain would be taken for the whole answer.
      ["stuck.example.org A", {}, "127.0.0.1", ["SERVFAIL qr rd ra"]],
    ] as [string, QueryOptions, string, string[]][]
  ) {
    const [first, ...rest] = want;
    assert.deepEqual(await dig(text, options, address), [first, `;${text}`, ...rest], `${text} from ${address}`);
  }
  const before = counters.cacheHits;
  test.clock.advance(20_000);
  const cached = await dig("wwW.elsewhere.net A");
  assert.deepEqual(cached, ["NOERROR qr rd ra", ";wwW.elsewhere.net A", "www.elsewhere.net 40 A 192.0.2.7"]);
  assert.equal(counters.cacheHits, before + 1);
});
