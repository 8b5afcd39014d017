import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { query, show } from "../../testing/dig_notation.ts";
import { askUdp, DnsTcpClient } from "../../testing/dns_client.ts";
import { scriptedUpstream } from "../../testing/scripted_upstream.ts";
import { directoryOf, zoneOf } from "../../testing/zone_text.ts";
import { Answers } from "../answer.ts";
import { ClientNetworks } from "../client_networks.ts";
import { Counters } from "../counters.ts";
import { Forwarder } from "../forward/forwarder.ts";
import { type DnsListeners, listenDns, type ListenOptions } from "./listen.ts";
import { Upstream } from "../forward/upstream.ts";

interface UnderTest extends AsyncDisposable {
  dns: DnsListeners;
  address: string;
  counters: Counters;
}

async function underTest(options: Partial<ListenOptions> & { forwarder?: Forwarder } = {}): Promise<UnderTest> {
  const counters = new Counters();
  const zones = directoryOf(
    zoneOf("example.org", [
      ...Array.from({ length: 200 }, (_, i) => `n${i} A 192.0.2.${i}`),
      ...Array.from({ length: 64 }, (_, i) => `many AAAA 2001:db8::${i + 1}`),
    ]),
  );
  const answers = new Answers({
    zones,
    forwarder: options.forwarder ?? null,
    forwardFor: new ClientNetworks(["127.0.0.0/8"]),
    counters,
    log: silentLogger,
  });
  const dns = await listenDns({
    addresses: ["127.0.0.1:0"],
    answers,
    counters,
    clock: systemClock,
    log: silentLogger,
    idleMs: 10_000,
    maxConnections: 20,
    maxPerClient: 10,
    ...options,
  });
  return { dns, address: dns.addresses[0]!, counters, [Symbol.asyncDispose]: () => dns.close(1000) };
}

const answerOf = (i: number) => `NOERROR qr aa rd\n;n${i}.example.org A\nn${i}.example.org 300 A 192.0.2.${i}`;
const ask = (i: number) => query(`n${i}.example.org A`, { id: i });

Deno.test("over UDP each client gets its own answer, many at once", async () => {
  await using test = await underTest();
  const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => askUdp(test.address, ask(i))));
  for (const [i, reply] of replies.entries()) assert.equal(show(reply!), answerOf(i));
  assert.equal(test.counters.queriesUdp, 200);
});

Deno.test("over UDP garbage gets no reply, and the next query is answered", async () => {
  await using test = await underTest();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const [hostname = "", port = ""] = test.address.split(":");
  const to: Deno.Addr = { transport: "udp", hostname, port: Number(port) };
  for (const packet of [new Uint8Array(0), new Uint8Array(5), new Uint8Array(12).fill(0xff), new Uint8Array(9000)]) {
    await socket.send(packet, to);
  }
  await socket.send(ask(7), to);
  for (;;) {
    const [reply] = await socket.receive();
    if (reply[1] !== 7) continue; // FORMERR to the long one
    assert.equal(show(reply), answerOf(7));
    break;
  }
  socket.close();
});

Deno.test("over UDP a second process of ours takes the address over without a query lost", async () => {
  const old = await underTest();
  assert.equal(show((await askUdp(old.address, ask(1)))!), answerOf(1));
  await using _new = await underTest({ addresses: [old.address] });
  const under = Promise.all(Array.from({ length: 100 }, (_, i) => askUdp(old.address, ask(i))));
  await old.dns.close(1000);
  for (const [i, reply] of (await under).entries()) assert.equal(show(reply!), answerOf(i));
});

Deno.test("over TCP pipelined queries are answered in order, also when cut anywhere", async () => {
  await using test = await underTest();
  using client = await DnsTcpClient.connect(test.address);
  await client.ask(...Array.from({ length: 100 }, (_, i) => ask(i)));
  for (let i = 0; i < 100; i++) assert.equal(show((await client.next())!), answerOf(i));
  const packet = ask(100);
  for (const octet of [0, packet.length, ...packet]) await client.send(Uint8Array.of(octet));
  assert.equal(show((await client.next())!), answerOf(100));
});

Deno.test("over TCP what UDP truncates comes whole", async () => {
  await using test = await underTest();
  const packet = query("many.example.org AAAA");
  assert.match(show((await askUdp(test.address, packet))!), /^NOERROR qr aa tc rd\n/);
  using client = await DnsTcpClient.connect(test.address);
  await client.ask(packet);
  assert.equal(show((await client.next())!).match(/AAAA 2001/g)?.length, 64);
});

Deno.test("over TCP thousands of pipelined queries for large answers go through, with a slow reader", async () => {
  await using test = await underTest();
  using client = await DnsTcpClient.connect(test.address);
  const packets = Array.from({ length: 3000 }, () => query("many.example.org AAAA"));
  const sent = client.ask(...packets);
  for (let i = 0; i < packets.length; i++) assert.equal((await client.next())?.length, 34 + 64 * 28);
  await sent;
});

Deno.test("over TCP a long message fits, a length below a header ends the connection", async () => {
  await using test = await underTest();
  using client = await DnsTcpClient.connect(test.address);
  const long = new Uint8Array(60_000);
  long.set(ask(1));
  await client.ask(long);
  assert.match(show((await client.next())!), /^FORMERR/);
  await client.send(Uint8Array.of(0, 3, 1, 2, 3));
  assert.equal(await client.next(), null);
});

Deno.test("over TCP a client that has half closed gets its answers", async () => {
  await using test = await underTest();
  const [hostname = "", port = ""] = test.address.split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(Uint8Array.of(0, ask(5).length, ...ask(5)));
  await connection.closeWrite();
  const octets = await new Response(connection.readable).bytes();
  assert.equal(show(octets.subarray(2)), answerOf(5));
});

Deno.test("over TCP connections beyond the limit are closed at once, and make room when they go", async () => {
  await using test = await underTest({ maxPerClient: 2 });
  using first = await DnsTcpClient.connect(test.address);
  const second = await DnsTcpClient.connect(test.address);
  await second.ask(ask(1));
  await second.next();
  using third = await DnsTcpClient.connect(test.address);
  assert.equal(await third.next(), null);
  assert.equal(test.counters.tcpRejected, 1);
  await first.ask(ask(2));
  assert.equal(show((await first.next())!), answerOf(2));
  second[Symbol.dispose]();
  // The server sees the close in its own time; connect until it has.
  for (let reply: Uint8Array | null = null; reply === null;) {
    using again = await DnsTcpClient.connect(test.address);
    await again.ask(ask(3)).catch(() => {});
    reply = await again.next();
  }
});

Deno.test("over TCP a connection without a whole query is closed after the idle time", async () => {
  await using test = await underTest({ idleMs: 100 });
  using client = await DnsTcpClient.connect(test.address);
  await client.send(Uint8Array.of(0)); // half a length is no activity
  assert.equal(await client.next(), null);
});

Deno.test("over TCP answers that wait for an upstream don't hold up others, and go out before a close", async () => {
  const held = Promise.withResolvers<void>();
  await using upstream = scriptedUpstream(async (name) => {
    await held.promise;
    return { answers: [`${name} 60 A 192.0.2.9`] };
  });
  const forwarder = new Forwarder({
    upstreams: [new Upstream({ address: upstream.address, source: "127.0.0.1:0", clock: systemClock })],
    cacheBytes: 10_000,
    maxTtlSeconds: 300,
    timeoutMs: 5000,
    deadlineMs: 5000,
    clock: systemClock,
    log: silentLogger,
  });
  const test = await underTest({ forwarder });
  using client = await DnsTcpClient.connect(test.address);
  await client.ask(query("www.elsewhere.net A", { id: 99 }), ask(1));
  assert.match(show((await client.next())!), /n1\.example\.org 300 A/);
  const closed = test.dns.close(5000);
  held.resolve();
  assert.match(show((await client.next())!), /www\.elsewhere\.net 60 A 192\.0\.2\.9/);
  await closed;
  assert.equal(await client.next(), null);
  await forwarder.close();
});

Deno.test("listenDns names the address that it can't have, and leaves nothing open", async () => {
  const holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${holder.addr.port}`;
  await assert.rejects(underTest({ addresses: ["127.0.0.1:0", address] }), {
    code: "unavailable",
    message: `Cannot listen on ${address}: the address is in use`,
  });
  holder.close();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const udpAddress = `127.0.0.1:${(socket.addr as Deno.NetAddr).port}`;
  await assert.rejects(underTest({ addresses: [udpAddress] }), {
    message: `Cannot listen on ${udpAddress}/udp: the address is in use`,
  });
  socket.close();
});
