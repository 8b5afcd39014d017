import assert from "node:assert/strict";
import { FakeClock, systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { CertificateFiles, listenTls, type SecureConnection } from "@lib/tls/mod.ts";
import { recordText } from "../../testing/dig_notation.ts";
import { type Behaviour, serveScripted } from "../../testing/scripted_upstream.ts";
import { openUpstream } from "./open_forwarder.ts";
import { TlsChannel } from "./tls_channel.ts";
import { Upstream } from "./upstream.ts";
import type { Question } from "./upstream_reply.ts";

const ca = await throwawayCa();

interface TlsUpstream extends AsyncDisposable {
  readonly port: number;
  asked: string[];
  packets: Uint8Array[];
  behave: Behaviour;
  /** All that were accepted. */
  connections: SecureConnection[];
}

async function tlsUpstream(behave: Behaviour, name = "dns.test"): Promise<TlsUpstream> {
  const folder = await Deno.makeTempDir();
  const files = await writeIssued(folder, await ca.issue([name]));
  const certificates = CertificateFiles.load({ ...files, log: silentLogger, pollMs: 0, clock: systemClock });
  const upstream = {
    asked: [] as string[],
    packets: [] as Uint8Array[],
    behave,
    connections: [] as SecureConnection[],
  };
  const serve = serveScripted(upstream);
  const listener = listenTls({
    address: "127.0.0.1:0",
    certificates,
    alpn: ["dot"],
    log: silentLogger,
    onConnection(connection) {
      upstream.connections.push(connection);
      serve(connection);
    },
  });
  return Object.assign(upstream, {
    port: Number(listener.address.split(":")[1]),
    async [Symbol.asyncDispose]() {
      for (const connection of upstream.connections) connection.destroy();
      await listener.close();
      certificates.close();
      await Deno.remove(folder, { recursive: true });
    },
  });
}

function channelTo({ port }: { port: number }, options: { serverName?: string; idleMs?: number; ca?: string } = {}) {
  const peer = { hostname: "127.0.0.1", port };
  const channel = new TlsChannel({ peer, serverName: "dns.test", ca: ca.root, ...options });
  return Object.assign(channel, { [Symbol.asyncDispose]: () => channel.close() });
}

const question = (label: string): Question => ({
  key: `${String.fromCharCode(label.length)}${label}\x03net\0`,
  type: 1,
  dnssecOk: false,
  checkingDisabled: false,
});

const answering: Behaviour = (name) => ({ answers: [`${name} 60 A 192.0.2.1`] });

async function ask(channel: TlsChannel, label: string, timeoutMs = 3000): Promise<string[] | null> {
  const reply = await channel.ask({ question: question(label), edns: true }, timeoutMs);
  return reply?.answers.map(recordText) ?? null;
}

Deno.test("TlsChannel pipelines queries on one connection, takes replies in any order, and pads", async () => {
  const first = Promise.withResolvers<void>();
  await using upstream = await tlsUpstream(async (name, transport, query) => {
    if (name === "slow.net") await first.promise;
    return await answering(name, transport, query);
  });
  await using channel = channelTo(upstream);
  const slow = ask(channel, "slow");
  const rest = await Promise.all(["a", "b", "c"].map((label) => ask(channel, label)));
  assert.deepEqual(rest, ["a", "b", "c"].map((label) => [`${label}.net 60 A 192.0.2.1`]));
  first.resolve();
  assert.deepEqual(await slow, ["slow.net 60 A 192.0.2.1"]);
  assert.equal(upstream.connections.length, 1);
  assert.ok(upstream.packets.every(({ length }) => length === 128));
});

Deno.test("TlsChannel closes an idle connection, and dials anew for the next query", async () => {
  await using upstream = await tlsUpstream(answering);
  await using channel = channelTo(upstream, { idleMs: 20 });
  await ask(channel, "a");
  const [connection] = upstream.connections;
  if (!connection!.destroyed) await new Promise<void>((resolve) => connection!.once("close", () => resolve()));
  assert.deepEqual(await ask(channel, "b"), ["b.net 60 A 192.0.2.1"]);
  assert.equal(upstream.connections.length, 2);
});

Deno.test("TlsChannel asks again when the server closed the connection that was kept", async () => {
  await using upstream = await tlsUpstream(answering);
  await using channel = channelTo(upstream);
  await ask(channel, "a");
  upstream.behave = (name, transport, query) => {
    if (upstream.connections.length > 1) return answering(name, transport, query);
    upstream.connections[0]!.destroy();
    return null;
  };
  assert.deepEqual(await ask(channel, "b"), ["b.net 60 A 192.0.2.1"]);
  // A server that closes every time doesn't keep us busy.
  upstream.behave = () => {
    for (const connection of upstream.connections) connection.destroy();
    return null;
  };
  await assert.rejects(ask(channel, "c"), /closed the connection without a reply/);
});

Deno.test("TlsChannel gives up a connection on which nothing comes any more", async () => {
  await using upstream = await tlsUpstream(() => null);
  await using channel = channelTo(upstream);
  assert.equal(await ask(channel, "a", 50), null);
  upstream.behave = answering;
  assert.deepEqual(await ask(channel, "b"), ["b.net 60 A 192.0.2.1"]);
  assert.equal(upstream.connections.length, 2);
});

Deno.test("TlsChannel believes only a server whose certificate is for the name and from the CA, and never asks plainly", async () => {
  await using upstream = await tlsUpstream(answering);
  const stranger = await throwawayCa();
  for (
    const [options, message] of [
      [{ serverName: "other.test" }, /is not for "other\.test": it has "dns\.test"/],
      [{ ca: stranger.root }, /is not signed by a CA that is trusted here/],
    ] as const
  ) {
    await using channel = channelTo(upstream, options);
    await assert.rejects(ask(channel, "a"), message);
    await using upstreamOf = Object.assign(new Upstream("tls", channel, new FakeClock()), {
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
    assert.equal(await upstreamOf.ask(question("a"), 1000), null);
    assert.match(upstreamOf.state.error, message);
  }
  assert.deepEqual(upstream.asked, []);
});

Deno.test("TlsChannel passes over replies to nothing that was asked", async () => {
  await using upstream = await tlsUpstream((name) => ({
    answers: [`${name} 60 A 192.0.2.66`],
    tamper: (reply) => reply.map((octet, i) => i === 13 ? octet ^ 1 : octet),
  }));
  await using channel = channelTo(upstream);
  assert.equal(await ask(channel, "a", 100), null);
});

Deno.test("TlsChannel.close ends what is under way", async () => {
  await using upstream = await tlsUpstream(() => null);
  const channel = channelTo(upstream);
  const asking = ask(channel, "a").catch(() => null);
  while (upstream.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await channel.close();
  assert.equal(await asking, null);
  assert.equal(await ask(channel, "b"), null);
});

Deno.test("openUpstream says what is wrong with an upstream's text", () => {
  const settings = { source_addrs: ["127.0.0.1:0"], tls_ca: "/nowhere/ca.pem" };
  for (
    const [text, message] of [
      ["dns.example:53", /must be "ip:port" or "tls:\/\/ip:port#name"/],
      ["tls://dns.example:853#dns.example", /must be "ip:port" or/],
      ["tls://127.0.0.1:853", /must name the certificate's name/],
      ["tls://127.0.0.1:853#dns.example", /cannot be read/],
      ["[::1]:53", /must hold an IPv6 address/],
    ] as const
  ) assert.throws(() => openUpstream(text, settings, systemClock), message, text);
  assert.throws(() => openUpstream("tls://127.0.0.1:853#a", { source_addrs: [] }, systemClock), /must be the PEM file/);
});
