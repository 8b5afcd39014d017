import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { recordText } from "../../testing/dig_notation.ts";
import { type Behaviour, scriptedUpstream } from "../../testing/scripted_upstream.ts";
import { BlockList } from "./block_list.ts";
import { answer, answering, failing, question, silent, underTest } from "../../testing/forwarder_under_test.ts";

Deno.test("Forwarder asks with a random id, letter case and EDNS, and only once for the same question", async () => {
  await using upstream = scriptedUpstream(answering);
  await using test = underTest([upstream]);
  const name = "a-name-with-many-letters.example.net";
  const both = await Promise.all([test.ask(name), test.ask(name)]);
  assert.deepEqual(both, [answer(name), answer(name)]);
  assert.deepEqual(upstream.asked, [`udp ${name}`]);
  for (let i = 0; i < 3; i++) await test.forwarder.resolve(question(name)); // doesn't look into the cache
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
  assert.equal(test.forwarder.cached(question("no.example.net"))?.rcode, 3);
  assert.equal(test.forwarder.cached(question("no.example.net MX"))?.rcode, 3, "whatever the type");
  test.clock.advance(1_000);
  assert.equal(test.forwarder.cached(question("no.example.net")), undefined);
  test.clock.advance(30_000);
  assert.equal(test.forwarder.cached(question("www.example.net")), undefined);
  await test.ask("www.example.net");
  assert.equal(test.forwarder.flush(question("example.net").key), 1);
});

Deno.test("Forwarder goes on to the next upstream at SERVFAIL and REFUSED, and never keeps them", async () => {
  await using broken = scriptedUpstream(failing);
  await using refusing = scriptedUpstream(() => ({ rcode: "REFUSED" }));
  await using good = scriptedUpstream(answering);
  await using test = underTest([broken, refusing, good]);
  assert.deepEqual(await test.ask("www.example.net"), answer("www.example.net"));
  assert.deepEqual([broken.asked.length, refusing.asked.length, good.asked.length], [1, 1, 1]);
  good.behave = failing;
  assert.deepEqual(await test.ask("other.example.net"), ["none"]);
  assert.equal(test.forwarder.cached(question("other.example.net")), undefined);
  assert.ok(test.forwarder.upstreams.every(({ healthy }) => healthy), "who replies is up");
  good.behave = answering;
  await test.ask("third.example.net");
  assert.equal(refusing.asked.length, 2, "who refuses comes last");
});

Deno.test("Forwarder doesn't ask again for a second, then two, four and five, when nobody had an answer (RFC 9520)", async () => {
  await using broken = scriptedUpstream(failing);
  await using test = underTest([broken]);
  for (
    const [waitMs, asked] of [[0, 1], [999, 1], [1, 2], [1999, 2], [1, 3], [4000, 4], [4999, 4], [1, 5], [
      5000,
      6,
    ]] as const
  ) {
    test.clock.advance(waitMs);
    await test.ask("a.net");
    assert.equal(broken.asked.length, asked, `${waitMs} ms later`);
  }
  assert.deepEqual(await test.ask("b.net"), ["none"], "another name is another question");
  assert.equal(broken.asked.length, 7);
  broken.behave = answering;
  test.forwarder.flush();
  assert.deepEqual(await test.ask("a.net"), answer("a.net"), "an operator's flush clears the way");
});

Deno.test("Forwarder doesn't let clients wait for an upstream's time-out: the next is asked soon", async () => {
  await using dead = scriptedUpstream(silent);
  await using good = scriptedUpstream(answering);
  await using test = underTest([dead, good], { timeoutMs: 1500 });
  const start = performance.now();
  assert.deepEqual(await test.ask("a.net"), answer("a.net"));
  const tookMs = performance.now() - start;
  assert.ok(tookMs >= 90 && tookMs < 700, `${tookMs} ms`);
  for (const name of ["b.net", "c.net"]) await test.ask(name);
  assert.equal(dead.asked.length, 1, "while its reply is overdue, others come first");
});

Deno.test("Forwarder lets a probe find out whether an upstream that was down is back, not a client", async () => {
  await using flaky = scriptedUpstream(silent);
  await using good = scriptedUpstream(answering);
  await using test = underTest([flaky, good], { timeoutMs: 150 });
  const failures = () => test.forwarder.upstreams[0]!.failures;
  for (let i = 1; i <= 3; i++) {
    assert.deepEqual(await test.ask(`n${i}.net`), answer(`n${i}.net`));
    while (failures() < i) await turn();
  }
  assert.deepEqual(test.forwarder.upstreams.map(({ healthy }) => healthy), [false, true]);
  const before = flaky.asked.length;
  await test.ask("d.net");
  await test.forwarder.tend();
  assert.equal(flaky.asked.length, before, "set back: not asked");
  test.clock.advance(1000);
  await test.ask("e.net");
  assert.equal(flaky.asked.length, before, "and still not for a client");
  await test.forwarder.tend();
  assert.deepEqual(flaky.asked.slice(before), ["udp ."]);
  test.clock.advance(1999);
  await test.forwarder.tend();
  assert.equal(flaky.asked.length, before + 1, "the next probe only after two seconds");
  flaky.behave = () => ({ rcode: "REFUSED" }); // any reply is one
  test.clock.advance(1);
  await test.forwarder.tend();
  assert.equal(test.forwarder.upstreams[0]!.healthy, true);
  flaky.behave = answering;
  test.clock.advance(60_000);
  await test.ask("f.net");
  assert.equal(flaky.asked.at(-1), "udp f.net", "first again");
});

Deno.test("Forwarder asks once more when nobody replied, without EDNS, then gives up", async () => {
  await using upstream = scriptedUpstream(silent);
  await using test = underTest([upstream], { timeoutMs: 100 });
  assert.deepEqual(await test.ask("a.net"), ["none"]);
  assert.deepEqual(upstream.packets.map((packet) => packet[11]), [1, 0]);
  upstream.behave = (name, transport, query) => query.edns === null ? answering(name, transport, query) : null;
  assert.deepEqual(await test.ask("b.net"), answer("b.net"));
  await test.ask("c.net");
  assert.deepEqual(upstream.packets.map((packet) => packet[11]), [1, 0, 1, 0, 0], "remembered");
  test.clock.advance(600_000);
  await test.ask("d.net");
  assert.equal(upstream.packets[5]![11], 1, "for ten minutes");
});

Deno.test("Forwarder asks without EDNS where it is complained of", async () => {
  for (const rcode of ["FORMERR", "BADVERS", "NOTIMP"] as const) {
    await using upstream = scriptedUpstream((name, transport, query) =>
      query.edns !== null ? { rcode } : answering(name, transport, query)
    );
    await using test = underTest([upstream]);
    for (const name of ["a.net", "b.net"]) assert.deepEqual(await test.ask(name), answer(name), rcode);
    assert.equal(upstream.asked.length, 3, rcode);
  }
  // Some send no more than their header back.
  await using bare = scriptedUpstream((name, transport, query) => ({
    ...answering(name, transport, query),
    ...query.edns !== null && {
      tamper: (reply: Uint8Array) => Uint8Array.of(reply[0]!, reply[1]!, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0),
    },
  }));
  await using test = underTest([bare]);
  assert.deepEqual(await test.ask("a.net"), answer("a.net"));
  assert.deepEqual(
    bare.asked,
    ["udp a.net", "tcp a.net", "udp a.net"],
    "without a question it is believed over TCP only",
  );
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

Deno.test("Forwarder with strategy fastest measures all upstreams with the questions of clients", async () => {
  await using one = scriptedUpstream(answering);
  await using other = scriptedUpstream(answering);
  await using test = underTest([one, other], { strategy: "fastest" });
  const counts = () => [one.asked.length, other.asked.length];
  await test.ask("a.net");
  while (other.asked.length < 1) await turn();
  await test.ask("b.net");
  assert.equal(one.asked.length + other.asked.length, 3, `both, then one: ${counts()}`);
  test.clock.advance(10_000);
  await test.ask("c.net");
  while (one.asked.length + other.asked.length < 5) await turn();
});

Deno.test("Forwarder asks anew for a popular answer shortly before its TTL ends, and nobody waits", async () => {
  await using upstream = scriptedUpstream((name) => ({ answers: [`${name} 100 A 192.0.2.1`] }));
  await using test = underTest([upstream], { prefetchHits: 3 });
  await test.ask("popular.net");
  await test.ask("rare.net");
  for (let i = 0; i < 2; i++) await test.ask("popular.net");
  test.clock.advance(89_000);
  await test.ask("popular.net");
  assert.equal(upstream.asked.length, 2, "11 % are left");
  test.clock.advance(1000);
  for (let i = 0; i < 3; i++) assert.equal((await test.ask("popular.net"))[0], "cached");
  await test.ask("rare.net");
  while (test.forwarder.cached(question("popular.net"))!.ageSeconds > 0) await turn();
  assert.deepEqual(upstream.asked.slice(2), ["udp popular.net"], "once");
});

Deno.test("Forwarder gives stale answers while upstreams have none (RFC 8767)", async () => {
  await using upstream = scriptedUpstream((name) =>
    name === "no.net" ? { rcode: "NXDOMAIN", authorities: ["net 60 SOA 60"] } : { answers: [`${name} 60 A 192.0.2.1`] }
  );
  await using test = underTest([upstream], { staleSeconds: 3600, timeoutMs: 100 });
  await test.ask("a.net");
  await test.ask("no.net");
  const stale = ["stale", "ede 3", "a.net 30 A 192.0.2.1"];
  test.clock.advance(60_000);
  upstream.behave = failing;
  assert.deepEqual(await test.ask("a.net"), stale, "asked in vain");
  assert.deepEqual(await test.ask("no.net"), ["NXDOMAIN", "stale", "ede 19"]);
  assert.equal(upstream.asked.length, 4);
  test.clock.advance(29_999);
  assert.deepEqual(await test.ask("a.net"), ["cached", ...stale]);
  assert.equal(upstream.asked.length, 4, "for 30 s nobody is asked");
  test.clock.advance(1);
  upstream.behave = answering;
  assert.deepEqual(await test.ask("a.net"), answer("a.net"));
  upstream.behave = failing;
  test.clock.advance(60_000 + 3_600_000);
  assert.deepEqual(await test.ask("a.net"), ["none"], "too old");
});

Deno.test("Forwarder gives a stale answer after 1.8 s when upstreams are slow, and keeps what they say in the end", async () => {
  const held = Promise.withResolvers<void>();
  await using upstream = scriptedUpstream(answering);
  await using test = underTest([upstream], { staleSeconds: 3600, timeoutMs: 5000 });
  await test.ask("a.net");
  test.clock.advance(60_000);
  upstream.behave = async () => {
    await held.promise;
    return { answers: ["a.net 60 A 192.0.2.9"] };
  };
  const start = performance.now();
  const [first, second] = await Promise.all([test.ask("a.net"), test.ask("a.net")]);
  assert.ok(Math.abs(performance.now() - start - 1800) < 500);
  assert.deepEqual([first, second], Array(2).fill(["stale", "ede 3", "a.net 30 A 192.0.2.1"]));
  held.resolve();
  while (test.forwarder.cached(question("a.net")) === undefined) await turn();
  assert.deepEqual(await test.ask("a.net"), ["cached", "a.net 60 A 192.0.2.9"]);
});

Deno.test("Forwarder gives stale answers at once while all upstreams are down, and they come back by themselves", async () => {
  await using upstream = scriptedUpstream(answering);
  await using test = underTest([upstream], { staleSeconds: 3600, timeoutMs: 50 });
  await test.ask("a.net");
  test.clock.advance(60_000);
  upstream.behave = silent;
  for (const name of ["b.net", "c.net"]) await test.ask(name);
  assert.equal(test.forwarder.upstreams[0]!.healthy, false);
  const before = upstream.asked.length;
  assert.deepEqual(await test.ask("a.net"), ["cached", "stale", "ede 3", "a.net 30 A 192.0.2.1"]);
  assert.equal(upstream.asked.length, before);
  upstream.behave = answering;
  test.clock.advance(16_000);
  await test.forwarder.tend();
  assert.deepEqual(await test.ask("a.net"), answer("a.net"));
});

Deno.test("Forwarder answers blocked names itself, also behind an alias", async () => {
  const list = new BlockList();
  list.add(question("ads.net").key, true);
  const blocking = { has: (key: string) => list.has(key), refresh: () => Promise.resolve(true) };
  await using upstream = scriptedUpstream((name) => ({
    answers: name === "cloak.org" ? ["cloak.org 60 CNAME x.ads.net", "x.ads.net 60 A 192.0.2.66"] : answer(name),
  }));
  await using test = underTest([upstream], { blocking });
  await using zero = underTest([upstream], { blocking, blockAnswer: "zero" });
  for (
    const [under, name, want] of [
      [test, "ads.net", ["cached", "NXDOMAIN", "blocked", "ede 15"]],
      [test, "a.b.ads.net MX", ["cached", "NXDOMAIN", "blocked", "ede 15"]],
      [test, "cloak.org", ["NXDOMAIN", "blocked", "ede 15"]],
      [test, "cloak.org", ["cached", "NXDOMAIN", "blocked", "ede 15"]],
      [test, "good.net", answer("good.net")],
      [zero, "ads.net", ["cached", "blocked", "ede 15", "ads.net 60 A 0.0.0.0"]],
      [zero, "ads.net AAAA", ["cached", "blocked", "ede 15", "ads.net 60 AAAA ::"]],
      [zero, "ads.net TXT", ["cached", "blocked", "ede 15"]],
      [zero, "cloak.org", ["blocked", "ede 15", "cloak.org 60 A 0.0.0.0"]],
    ] as const
  ) assert.deepEqual(await under.ask(name), want, name);
  assert.deepEqual(upstream.asked, ["udp cloak.org", "udp good.net", "udp cloak.org"]);
  assert.deepEqual(test.forwarder.cached(question("ads.net"))?.resolution.authorities.map(recordText), [
    "ads.net 60 SOA . . 1 3600 600 86400 60",
  ]);
  await test.forwarder.refreshBlocking();
  assert.equal(test.forwarder.cached(question("cloak.org")), undefined, "kept by the lists of before");
});

Deno.test("Forwarder keeps answers over a restart, and says in entries() what it has", async () => {
  const path = await Deno.makeTempFile();
  await using upstream = scriptedUpstream(answering);
  const clock = new FakeClock();
  await Deno.remove(path);
  {
    await using test = underTest([upstream], {}, clock);
    test.forwarder.start(path);
    await test.ask("a.net");
  }
  clock.advance(10_000);
  await using test = underTest([upstream], {}, clock);
  assert.equal(await test.forwarder.loadFrom(path), 1);
  assert.deepEqual(await test.ask("a.net"), ["cached", "a.net 60 A 192.0.2.1"]);
  const [entry] = test.forwarder.entries({ after: null, limit: 10 });
  assert.deepEqual([entry?.name, entry?.type, entry?.rcode, entry?.ttlSeconds, entry?.hits], [
    "\x01a\x03net\0",
    1,
    0,
    50,
    1,
  ]);
  assert.deepEqual(entry?.records.map(recordText), ["a.net 60 A 192.0.2.1"]);
  await Deno.remove(path);
});

Deno.test("Forwarder.close ends what is under way", async () => {
  await using upstream = scriptedUpstream(silent);
  const test = underTest([upstream], { timeoutMs: 60_000 });
  const asking = test.ask("a.net");
  await test.forwarder.close();
  assert.deepEqual(await asking, ["none"]);
  assert.deepEqual(await test.ask("b.net"), ["none"]);
});

Deno.test("an upstream where nothing listens is no answer", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using test = underTest([`127.0.0.1:${port}`], { timeoutMs: 30 });
  assert.deepEqual(await test.ask("a.net"), ["none"]);
});

/** Lets sockets and timers have their turn. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
