import assert from "node:assert/strict";
import { systemClock } from "@lib/clock/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { throwawayCa, writeIssued } from "@lib/testing/mod.ts";
import { CertificateFiles } from "@lib/tls/mod.ts";
import { askUdp, DnsStreamClient } from "../../testing/dns_client.ts";
import { ask, echo, ScriptedResponder } from "../../testing/scripted_responder.ts";
import { Counters } from "../counters.ts";
import { type DnsListeners, listenDns, type ListenOptions } from "./listen.ts";

function listen(options: Partial<ListenOptions>): Promise<DnsListeners> {
  return listenDns({
    addresses: ["127.0.0.1:0"],
    answers: new ScriptedResponder(),
    counters: new Counters(),
    clock: systemClock,
    log: silentLogger,
    idleMs: 10_000,
    maxConnections: 20,
    maxPerClient: 10,
    ...options,
  });
}

Deno.test("listenDns answers on every address over UDP and TCP, and on the others over TLS", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mcns-" });
  const ca = await throwawayCa();
  const files = await writeIssued(folder, await ca.issue(["dns.test"]));
  const certificates = CertificateFiles.load({ ...files, log: silentLogger, pollMs: 0 });
  const dns = await listen({
    addresses: ["127.0.0.1:0", "127.0.0.2:0"],
    tls: { addresses: ["127.0.0.1:0"], certificates },
  });
  assert.equal(dns.addresses.length, 2);
  assert.equal(dns.tlsAddresses.length, 1);
  const packet = ask("n", 7);
  for (const address of dns.addresses) assert.deepEqual(await askUdp(address, packet), echo(packet));
  const streams = await Promise.all([
    ...dns.addresses.map((address) => DnsStreamClient.connect(address)),
    ...dns.tlsAddresses.map((address) => DnsStreamClient.connect(address, { serverName: "dns.test", ca: ca.root })),
  ]);
  for (const stream of streams) {
    await stream.ask(packet);
    assert.deepEqual(await stream.next(), echo(packet));
  }
  assert.equal(dns.connections, 3);
  for (const stream of streams) await stream[Symbol.asyncDispose]();
  await dns.close(1000);
  assert.equal(dns.connections, 0);
  certificates.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("listenDns names the address that it can't have, and leaves nothing open", async () => {
  const holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // An address of its own: TCP of the same port must be free, and other tests take ports of 127.0.0.1 meanwhile.
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.53.1", port: 0 });
  const tcp = `127.0.0.1:${holder.addr.port}`;
  const udp = `127.0.53.1:${(socket.addr as Deno.NetAddr).port}`;
  for (
    const [addresses, message] of [
      [["127.0.0.1:0", tcp], `Cannot listen on ${tcp}: the address is in use`],
      [[udp], `Cannot listen on ${udp}/udp: the address is in use`],
      [["unix:/tmp/dns"], `dns.listen_addrs: must be "ip:port", got "unix:/tmp/dns"`],
    ] as const
  ) {
    await assert.rejects(listen({ addresses }), { message });
  }
  holder.close();
  socket.close();
});
