import assert from "node:assert/strict";
import { silentLogger } from "@lib/log/mod.ts";
import { askUdp } from "../../testing/dns_client.ts";
import { ask, echo, type Script, ScriptedResponder } from "../../testing/scripted_responder.ts";
import { Counters } from "../counters.ts";
import { UdpListener } from "./udp_listener.ts";

interface UnderTest extends AsyncDisposable {
  listener: UdpListener;
  address: string;
  to: Deno.NetAddr;
  responder: ScriptedResponder;
  counters: Counters;
}

function underTest(script: Script = {}, port = 0): UnderTest {
  const counters = new Counters();
  const responder = new ScriptedResponder(script);
  const listener = new UdpListener({ hostname: "127.0.0.1", port, answers: responder, counters, log: silentLogger });
  return {
    listener,
    address: `127.0.0.1:${listener.port}`,
    to: { transport: "udp", hostname: "127.0.0.1", port: listener.port },
    responder,
    counters,
    [Symbol.asyncDispose]: () => listener.close(),
  };
}

const clientSocket = () => Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });

Deno.test("UdpListener gives each client its own answer, many at once", async () => {
  await using test = underTest();
  const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => askUdp(test.address, ask("n", i))));
  for (const [i, reply] of replies.entries()) assert.deepEqual(reply, echo(ask("n", i)));
  assert.equal(test.responder.clients.length, 200);
  const ports = new Set(test.responder.clients.map(({ port }) => port));
  assert.equal(ports.size, 200);
});

Deno.test("UdpListener sends nothing where there is no reply, and goes on", async () => {
  await using test = underTest({ none: () => 0, empty: () => Promise.resolve(new Uint8Array()) });
  const socket = clientSocket();
  for (const packet of [ask("none"), ask("empty"), new Uint8Array(0), ask("n", 7)]) await socket.send(packet, test.to);
  for (;;) {
    const [reply] = await socket.receive();
    if (reply[1] === 7) break;
    assert.equal(reply.length, 0);
  }
  socket.close();
});

Deno.test("UdpListener sends a reply that has to be waited for when it is there, others before", async () => {
  const held = Promise.withResolvers<Uint8Array>();
  await using test = underTest({ later: () => held.promise });
  const later = askUdp(test.address, ask("later", 1));
  for (let i = 0; i < 20; i++) assert.deepEqual(await askUdp(test.address, ask("n", i)), echo(ask("n", i)));
  held.resolve(echo(ask("later", 1)));
  assert.deepEqual(await later, echo(ask("later", 1)));
});

Deno.test("UdpListener drops queries beyond 2,000 that wait, and answers others", async () => {
  const held = Promise.withResolvers<Uint8Array>();
  await using test = underTest({ later: () => held.promise });
  const socket = clientSocket();
  for (let i = 0; i < 2100; i++) {
    await socket.send(ask("later"), test.to);
    // No faster than it is taken in: the socket's buffer holds some hundred.
    if (i % 50 === 49) {
      while (test.responder.clients.length <= i) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  assert.equal(test.counters.udpOverload, 100);
  assert.deepEqual(await askUdp(test.address, ask("n", 3)), echo(ask("n", 3)));
  held.resolve(new Uint8Array());
  socket.close();
});

Deno.test("UdpListener.close answers what has arrived and what waits", async () => {
  const held = Promise.withResolvers<Uint8Array>();
  const test = underTest({ later: () => held.promise });
  const later = askUdp(test.address, ask("later", 1));
  const many = Promise.all(Array.from({ length: 100 }, (_, i) => askUdp(test.address, ask("n", i))));
  while (test.responder.clients.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const closed = test.listener.close();
  for (const [i, reply] of (await many).entries()) assert.deepEqual(reply, echo(ask("n", i)));
  held.resolve(echo(ask("later", 1)));
  assert.deepEqual(await later, echo(ask("later", 1)));
  await closed;
});

Deno.test("UdpListener.close answers what has arrived while the machine gave the program no time", async () => {
  const test = underTest();
  const closed = test.listener.close();
  const many = Promise.all(Array.from({ length: 100 }, (_, i) => askUdp(test.address, ask("n", i))));
  // Longer than the silence that ends the listener.
  for (const since = performance.now(); performance.now() - since < 60;);
  for (const [i, reply] of (await many).entries()) assert.deepEqual(reply, echo(ask("n", i)));
  await closed;
});

Deno.test("UdpListener takes an address over from another without a query lost", async () => {
  const old = underTest();
  assert.deepEqual(await askUdp(old.address, ask("n", 1)), echo(ask("n", 1)));
  await using fresh = underTest({}, old.listener.port);
  const under = Promise.all(Array.from({ length: 100 }, (_, i) => askUdp(old.address, ask("n", i))));
  await old.listener.close();
  for (const [i, reply] of (await under).entries()) assert.deepEqual(reply, echo(ask("n", i)));
  assert.equal(fresh.responder.clients.length, 100);
});
