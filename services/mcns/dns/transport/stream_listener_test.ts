import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { DnsStreamClient } from "../../testing/dns_client.ts";
import { ask, echo, type Script, ScriptedResponder } from "../../testing/scripted_responder.ts";
import { Counters } from "../counters.ts";
import { StreamListener, type StreamListenerOptions } from "./stream_listener.ts";

interface UnderTest extends AsyncDisposable {
  listener: StreamListener;
  responder: ScriptedResponder;
  counters: Counters;
  connect(): Promise<DnsStreamClient>;
}

const ca = await throwawayCa();
const leaf = await ca.issue(["dns.test"]);

const transports = ["tcp", "tls"] as const;

async function underTest(
  transport: "tcp" | "tls",
  script: Script = {},
  options: Partial<StreamListenerOptions> = {},
): Promise<UnderTest> {
  const folder = await Deno.makeTempDir({ prefix: "mcns-" });
  const certificates = CertificateFiles.load({ ...await writeIssued(folder, leaf), log: silentLogger, pollMs: 0 });
  const counters = new Counters();
  const responder = new ScriptedResponder(script);
  const listener = new StreamListener({
    hostname: "127.0.0.1",
    port: 0,
    ...(transport === "tls" ? { certificates } : {}),
    answers: responder,
    counters,
    clock: systemClock,
    log: silentLogger,
    idleMs: 10_000,
    maxConnections: 20,
    maxPerClient: 10,
    ...options,
  });
  const address = `127.0.0.1:${listener.port}`;
  return {
    listener,
    responder,
    counters,
    connect: () =>
      DnsStreamClient.connect(address, transport === "tls" ? { serverName: "dns.test", ca: ca.root } : undefined),
    async [Symbol.asyncDispose]() {
      await listener.close(1000);
      certificates.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** One test for each transport: what holds over TCP holds over TLS. */
function onBoth(name: string, test: (transport: "tcp" | "tls") => Promise<void>): void {
  for (const transport of transports) Deno.test(`${transport}: ${name}`, () => test(transport));
}

const idOf = (reply: Uint8Array | null) => reply === null ? null : reply[0]! << 8 | reply[1]!;

onBoth("pipelined queries are answered in order, also when cut anywhere", async (transport) => {
  await using test = await underTest(transport);
  await using client = await test.connect();
  await client.ask(...Array.from({ length: 1000 }, (_, i) => ask(`n${i}`, i)));
  for (let i = 0; i < 1000; i++) assert.deepEqual(await client.next(), echo(ask(`n${i}`, i)));
  const packet = ask("cut", 7);
  for (const octet of [0, packet.length, ...packet]) await client.send(Uint8Array.of(octet));
  assert.deepEqual(await client.next(), echo(packet));
  const { port, ...who } = test.responder.clients[0]!;
  assert.deepEqual(who, { address: "127.0.0.1", transport });
  assert.ok(port > 1023);
});

onBoth("a reply that has to be waited for holds up no other", async (transport) => {
  const held = Promise.withResolvers<Uint8Array>();
  await using test = await underTest(transport, { later: () => held.promise });
  await using client = await test.connect();
  await client.ask(ask("later", 1), ask("now", 2));
  assert.equal(idOf(await client.next()), 2);
  held.resolve(echo(ask("later", 1)));
  assert.equal(idOf(await client.next()), 1);
});

onBoth("64 replies may be waited for; until one comes nothing more is read", async (transport) => {
  const held: PromiseWithResolvers<Uint8Array>[] = [];
  const script: Script = {
    later: () => {
      held.push(Promise.withResolvers());
      return held.at(-1)!.promise;
    },
  };
  await using test = await underTest(transport, script);
  await using client = await test.connect();
  await client.ask(...Array.from({ length: 100 }, () => ask("later")));
  while (held.length < 64) await new Promise((resolve) => setTimeout(resolve, 1));
  await client.ask(ask("n"));
  assert.equal(test.responder.clients.length, 64);
  for (let i = 0; i < 100; i++) {
    while (held[i] === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    held[i]!.resolve(echo(ask("later")));
  }
  for (let i = 0; i < 101; i++) assert.notEqual(await client.next(), null);
});

onBoth("a transfer of any size goes out as its client reads, and others in between", async (transport) => {
  let made = 0;
  async function* transfer(packet: Uint8Array): AsyncGenerator<Uint8Array> {
    for (; made < 500; made++) {
      yield echo(packet, 60_000);
      await Promise.resolve();
    }
  }
  await using test = await underTest(transport, { zone: (packet) => transfer(packet.slice()) });
  await using client = await test.connect();
  await client.ask(ask("zone", 1), ask("zone", 1), ask("n", 2));
  assert.equal(idOf(await client.next()), 2);
  // 30 MB are to come; what the socket buffers hold is made ahead, and not more.
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(made < 250, `${made} messages made for a client that doesn't read`);
  for (let i = 0; i < 500; i++) assert.equal((await client.next())?.length, 60_000);
});

onBoth("a transfer ends at its source when its client goes", async (transport) => {
  const ended = Promise.withResolvers<void>();
  async function* endless(packet: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield await Promise.resolve(echo(packet, 60_000));
    } finally {
      ended.resolve();
    }
  }
  await using test = await underTest(transport, { zone: (packet) => endless(packet.slice()) });
  {
    await using client = await test.connect();
    await client.ask(ask("zone"));
    await client.next();
  }
  await ended.promise;
});

onBoth("a client that doesn't take its replies is closed, and holds little of our memory", async (transport) => {
  const large = echo(ask("large"), 60_000);
  await using test = await underTest(transport, { large: () => Promise.resolve(large) }, { idleMs: 300 });
  await using client = await test.connect();
  const asked = Array.from({ length: 2000 }, () => ask("large"));
  await client.ask(...asked).catch(() => {});
  while (test.listener.connections > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(test.responder.clients.length < 300, `${test.responder.clients.length} answered`);
});

onBoth("a long message fits, and octets that trickle in are not moved each time", async (transport) => {
  await using test = await underTest(transport);
  await using client = await test.connect();
  const long = new Uint8Array(65_535);
  long.set(ask("long", 5));
  const framed = Uint8Array.of(255, 255, ...long);
  const begin = performance.now();
  for (let at = 0; at < framed.length; at += 64) await client.send(framed.subarray(at, at + 64));
  assert.deepEqual(await client.next(), echo(long));
  assert.ok(performance.now() - begin < 5000);
});

onBoth("a length below a header ends the connection", async (transport) => {
  await using test = await underTest(transport);
  await using client = await test.connect();
  await client.send(Uint8Array.of(0, 3, 1, 2, 3));
  assert.equal(await client.next(), null);
});

onBoth("a client that has half closed gets its answers, then the end", async (transport) => {
  const later = Promise.withResolvers<Uint8Array>();
  await using test = await underTest(transport, { later: () => later.promise });
  await using client = await test.connect();
  await client.ask(ask("later", 1), ask("n", 2));
  await client.closeWrite();
  assert.equal(idOf(await client.next()), 2);
  later.resolve(echo(ask("later", 1)));
  assert.equal(idOf(await client.next()), 1);
  assert.equal(await client.next(), null);
});

onBoth("connections beyond a limit are closed at once, and make room when they go", async (transport) => {
  await using test = await underTest(transport, {}, { maxPerClient: 2 });
  await using first = await test.connect();
  const second = await test.connect();
  await second.ask(ask("n"));
  await second.next();
  await assert.rejects(async () => {
    await using third = await test.connect();
    await third.ask(ask("n"));
    if (await third.next() === null) throw new Error("closed");
  });
  assert.equal(test.counters.tcpRejected, 1);
  await first.ask(ask("n", 2));
  assert.equal(idOf(await first.next()), 2);
  await second[Symbol.asyncDispose]();
  while (test.listener.connections > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await using again = await test.connect();
  await again.ask(ask("n", 3));
  assert.equal(idOf(await again.next()), 3);
});

onBoth("a connection without a whole query is closed after the idle time", async (transport) => {
  await using test = await underTest(transport, {}, { idleMs: 100 });
  await using client = await test.connect();
  await client.send(Uint8Array.of(0)); // half a length is no activity
  assert.equal(await client.next(), null);
});

onBoth("a client that waits for a reply is not idle", async (transport) => {
  const later = Promise.withResolvers<Uint8Array>();
  await using test = await underTest(transport, { later: () => later.promise }, { idleMs: 100 });
  await using client = await test.connect();
  await client.ask(ask("later", 1));
  setTimeout(() => later.resolve(echo(ask("later", 1))), 1500);
  assert.equal(idOf(await client.next()), 1);
});

onBoth("close lets replies go out, and sends FIN when the client is silent", async (transport) => {
  const later = Promise.withResolvers<Uint8Array>();
  await using test = await underTest(transport, { later: () => later.promise });
  await using client = await test.connect();
  await client.ask(ask("later", 1), ask("n", 2));
  assert.equal(idOf(await client.next()), 2);
  const closed = test.listener.close(5000);
  await client.ask(ask("n", 3));
  assert.equal(idOf(await client.next()), 3);
  later.resolve(echo(ask("later", 1)));
  assert.equal(idOf(await client.next()), 1);
  assert.equal(await client.next(), null);
  await client[Symbol.asyncDispose]();
  await closed;
});

onBoth("close ends a busy client behind a reply, before the drain is over", async (transport) => {
  await using test = await underTest(transport);
  await using client = await test.connect();
  await client.ask(ask("n", 0));
  await client.next();
  const begin = performance.now();
  const closed = test.listener.close(1000);
  let reply: Uint8Array | null = null;
  let answered = 0;
  do {
    // The reply before was the last one: this query finds the connection ended, as an idle client would.
    await client.ask(ask("n", 1)).catch(() => {});
    reply = await client.next();
    if (reply !== null) answered++;
  } while (reply !== null);
  await client[Symbol.asyncDispose]();
  await closed;
  assert.ok(answered > 10, `${answered} answered`);
  assert.ok(performance.now() - begin < 950, "cut off rather than ended");
});

onBoth("close cuts off what is still there after the drain", async (transport) => {
  const never = Promise.withResolvers<Uint8Array>();
  await using test = await underTest(transport, { never: () => never.promise });
  await using client = await test.connect();
  await client.ask(ask("never"), ask("n"));
  await client.next();
  const closed = test.listener.close(100);
  assert.equal(await client.next(), null);
  never.resolve(new Uint8Array());
  await closed;
});

Deno.test("tls: what is no TLS, or no TLS 1.3, gets no connection, and the next client does", async () => {
  await using test = await underTest("tls", {}, { idleMs: 200 });
  for (const octets of [Uint8Array.of(0, 12, ...ask("plain")), Uint8Array.of(22)]) {
    const plain = await Deno.connect({ hostname: "127.0.0.1", port: test.listener.port });
    await plain.write(octets);
    await plain.readable.pipeTo(new WritableStream()).catch(() => {});
  }
  await using client = await test.connect();
  await client.ask(ask("n", 4));
  assert.equal(idOf(await client.next()), 4);
});
