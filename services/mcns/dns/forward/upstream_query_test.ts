import assert from "node:assert/strict";
import { FakeClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { recordText } from "../../testing/dig_notation.ts";
import { type Behaviour, type ScriptedUpstream, scriptedUpstream } from "../../testing/scripted_upstream.ts";
import { readQuery } from "../query.ts";
import { Forwarder } from "./forwarder.ts";
import { openUpstream } from "./open_forwarder.ts";
import { Upstream } from "./upstream.ts";
import { buildQuery } from "./upstream_query.ts";
import type { Question } from "./upstream_reply.ts";

const questionOf = (label: string): Question => ({
  key: `${String.fromCharCode(label.length)}${label}\x03net\0`,
  type: 1,
  dnssecOk: true,
  checkingDisabled: false,
});
const question = questionOf("a");

function forwarderTo(
  upstreams: Pick<ScriptedUpstream, "address">[],
  timeoutMs = 2000,
): Forwarder & AsyncDisposable {
  const clock = new FakeClock();
  const settings = { source_addrs: ["127.0.0.1:0", "[::]:0"] };
  const forwarder = new Forwarder({
    upstreams: upstreams.map(({ address }) => openUpstream(address, settings, clock)),
    cacheBytes: 100_000,
    maxTtlSeconds: 300,
    timeoutMs,
    deadlineMs: 10_000,
    clock,
    log: silentLogger,
  });
  return Object.assign(forwarder, { [Symbol.asyncDispose]: () => forwarder.close() });
}

async function ask(forwarder: Forwarder, of: Question = question): Promise<string[] | null> {
  const resolution = await forwarder.resolve(of);
  return resolution?.answers.map(recordText) ?? null;
}

Deno.test("buildQuery is a query as servers read it, padded where it should be", () => {
  for (
    const [options, octets, cookieOctets] of [
      [{}, 12 + 7 + 4 + 11, 0],
      [{ edns: false }, 12 + 7 + 4, 0],
      [{ cookie: new Uint8Array(8) }, 12 + 7 + 4 + 11 + 12, 8],
      [{ cookie: new Uint8Array(24) }, 12 + 7 + 4 + 11 + 28, 24],
      [{ paddingBlock: 128 }, 128, 0],
      [{ paddingBlock: 128, edns: false }, 12 + 7 + 4, 0],
      [{ paddingBlock: 128, cookie: new Uint8Array(24) }, 128, 24],
    ] as const
  ) {
    const { packet } = buildQuery(question, options);
    const read = readQuery(packet)!;
    const what = JSON.stringify(options);
    assert.deepEqual([packet.length, read.fault, read.key, read.type], [octets, 0, question.key, 1], what);
    assert.equal(read.edns?.cookieOctets ?? 0, cookieOctets, what);
    assert.equal(read.dnssecOk, packet.length > 23, what);
  }
});

/** Machines without IPv6 are still met with. */
function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test({
  name: "Forwarder knows an upstream by its address, however the config spells it",
  ignore: !hasIpv6(),
  async fn() {
    await using upstream = scriptedUpstream(() => ({ answers: ["a.net 60 A 192.0.2.1"] }), "[::1]:0");
    const port = upstream.address.split(":").at(-1);
    for (const address of [upstream.address, `[0:0:0:0:0:0:0:1]:${port}`, `[0000::01]:${port}`]) {
      await using forwarder = forwarderTo([{ address }], 300);
      assert.deepEqual(await ask(forwarder), ["a.net 60 A 192.0.2.1"], address);
    }
    assert.deepEqual(upstream.asked, Array(3).fill("udp a.net"));
  },
});

Deno.test("Forwarder believes no reply that isn't to its question", async () => {
  const tampers: [string, (reply: Uint8Array) => Uint8Array][] = [
    ["another id", (reply) => Uint8Array.of(reply[0]! ^ 1, ...reply.subarray(1))],
    ["a query", (reply) => Uint8Array.of(reply[0]!, reply[1]!, reply[2]! & 0x7f, ...reply.subarray(3))],
    ["another name", (reply) => reply.map((octet, i) => i === 13 ? 0x7a : octet)],
    ["another type", (reply) => reply.map((octet, i) => i === 12 + 7 + 1 ? 28 : octet)],
    ["cut off", (reply) => reply.subarray(0, -1)],
    ["garbage", () => new Uint8Array(40).fill(0xc0)],
    ["two questions", (reply) => reply.map((octet, i) => i === 5 ? 2 : octet)],
  ];
  for (const [remark, tamper] of tampers) {
    await using upstream = scriptedUpstream(() => ({ answers: ["a.net 60 A 192.0.2.66"], tamper }));
    await using forwarder = forwarderTo([upstream], 30);
    assert.equal(await ask(forwarder), null, remark);
  }
});

Deno.test("Forwarder takes no record that nobody asked for from a reply", async () => {
  await using upstream = scriptedUpstream((name) => ({
    answers: [`${name} 60 A 192.0.2.1`, "bank.example 60 A 192.0.2.66"],
    authorities: ["net 60 NS evil.example"],
  }));
  await using forwarder = forwarderTo([upstream]);
  assert.deepEqual(await ask(forwarder), ["a.net 60 A 192.0.2.1"]);
  assert.equal(forwarder.cached({ ...question, key: "\x04bank\x07example\0" }), undefined);
});

Deno.test("Forwarder goes on waiting for the true reply when forged ones come first, over TCP when they are many", async () => {
  const address = (reply: Uint8Array, last: number) => reply.map((octet, i) => i === reply.length - 12 ? last : octet);
  for (
    const [guesses, asked] of [[15, ["udp a.net"]], [1000, ["udp a.net", "tcp a.net"]]] as const
  ) {
    await using upstream = scriptedUpstream((name) => ({
      answers: [`${name} 60 A 192.0.2.1`],
      // From the right address to the right port: what is left to guess is the id.
      forged: (reply) =>
        Array.from({ length: guesses }, (_, i) => {
          const forged = address(reply, 66);
          new DataView(forged.buffer).setUint16(0, new DataView(reply.buffer).getUint16(0) + 1 + i);
          return forged;
        }),
    }));
    await using forwarder = forwarderTo([upstream]);
    assert.deepEqual(await ask(forwarder), ["a.net 60 A 192.0.2.1"]);
    assert.deepEqual(upstream.asked, asked);
  }
});

Deno.test("Forwarder asks over TCP when a forger has guessed the id but not the letter case", async () => {
  const name = "a-name-with-many-letters";
  await using upstream = scriptedUpstream((name) => ({
    answers: [`${name} 60 A 192.0.2.1`],
    forged: (reply) => [reply.map((octet, i) => i === 13 ? octet ^ 0x20 : octet)],
  }));
  await using forwarder = forwarderTo([upstream]);
  assert.deepEqual(await ask(forwarder, questionOf(name)), [`${name}.net 60 A 192.0.2.1`]);
  assert.deepEqual(upstream.asked, [`udp ${name}.net`, `tcp ${name}.net`]);
});

Deno.test("Forwarder believes no reply from another address", async () => {
  await using upstream = scriptedUpstream(() => null);
  const forger = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  await using honest = scriptedUpstream(() => ({ answers: ["a.net 60 A 192.0.2.1"] }));
  // Looks like a relay, but replies from its own port.
  const relayed = (async () => {
    const [packet, from] = await upstream.socket.receive().catch(() => [new Uint8Array(0), null] as const);
    if (from !== null) await forger.send(packet, from);
  })();
  await using forwarder = forwarderTo([upstream, honest], 300);
  assert.deepEqual(await ask(forwarder), ["a.net 60 A 192.0.2.1"]);
  await relayed;
  forger.close();
});

/** Replies with a cookie, as long as `isUsed`; asks for one with BADCOOKIE where `isStrict`. */
function withCookies(server: { isUsed: boolean; isStrict?: boolean }): Behaviour {
  const serverCookie = new Uint8Array(16).fill(7);
  return (name, _transport, { edns }) => {
    if (!server.isUsed || edns === null) return { answers: [`${name} 60 A 192.0.2.1`] };
    if (server.isStrict && edns.cookieOctets !== 24) return { rcode: "BADCOOKIE", serverCookie };
    return { answers: [`${name} 60 A 192.0.2.1`], serverCookie };
  };
}

const cookieOctets = ({ packets }: ScriptedUpstream) => packets.map((packet) => readQuery(packet)!.edns?.cookieOctets);

Deno.test("UpstreamCookie repeats what the upstream gave, also after BADCOOKIE (RFC 7873)", async () => {
  const server = { isUsed: true, isStrict: true };
  await using upstream = scriptedUpstream(withCookies(server));
  await using forwarder = forwarderTo([upstream]);
  for (const name of ["a", "b"]) {
    assert.deepEqual(await ask(forwarder, questionOf(name)), [`${name}.net 60 A 192.0.2.1`]);
  }
  assert.deepEqual(cookieOctets(upstream), [8, 24, 24]);
  const cookies = upstream.packets.map((packet) => packet.slice(38, 46).toHex());
  assert.equal(new Set(cookies).size, 1, "our part stays");
});

Deno.test("UpstreamCookie takes a reply with another cookie, or suddenly without one, for forged", async () => {
  const server = { isUsed: true };
  await using upstream = scriptedUpstream(withCookies(server));
  await using forwarder = forwarderTo([upstream], 100);
  await ask(forwarder);
  upstream.behave = (name) => ({
    answers: [`${name} 60 A 192.0.2.66`],
    serverCookie: new Uint8Array(16),
    tamper: (reply) => reply.map((octet, i) => i === reply.length - 20 ? octet ^ 1 : octet),
  });
  assert.equal(await ask(forwarder, questionOf("b")), null);
  // The server was replaced by one that knows no cookies: found out by the query without.
  upstream.behave = withCookies({ isUsed: false });
  for (const name of ["c", "d"]) {
    assert.deepEqual(await ask(forwarder, questionOf(name)), [`${name}.net 60 A 192.0.2.1`]);
  }
  assert.deepEqual(cookieOctets(upstream).slice(-3), [24, undefined, 8]);
});

Deno.test("Forwarder doesn't take an upstream that has too much to do for one that loses EDNS", async () => {
  const clock = new FakeClock();
  const withEdns: boolean[] = [];
  let looks = 0;
  const upstream = new Upstream("busy", {
    // At the first look only.
    get isBusy() {
      return looks++ === 0;
    },
    ask: ({ edns }) => {
      withEdns.push(edns);
      return Promise.resolve(null);
    },
    onPlainOnly() {},
    close: () => Promise.resolve(),
  }, clock);
  const limits = { cacheBytes: 1000, maxTtlSeconds: 300, timeoutMs: 100, deadlineMs: 1000 };
  const forwarder = new Forwarder({ upstreams: [upstream], ...limits, clock, log: silentLogger });
  assert.equal(await ask(forwarder), null);
  assert.equal(withEdns[0], true);
  await forwarder.close();
});
