import assert from "node:assert/strict";
import { DomainName } from "../../domain/name.ts";
import { serialOfSoa } from "../../domain/serial_order.ts";
import { eventually, nameServer } from "../../testing/name_server.ts";
import { by } from "../../testing/temp_store.ts";
import { flags, opcodes } from "../codes.ts";
import { readRawMessage } from "./raw_message.ts";

/** A secondary of which the test says how it answers NOTIFY: with an rcode, or null for not at all. */
class ScriptedSecondary implements AsyncDisposable {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;
  /** Serials that it was told, in order. */
  readonly told: number[] = [];

  constructor(answer: (count: number) => number | null) {
    this.#serving = this.#serve(answer);
  }

  get address(): string {
    return `127.0.0.1:${(this.#socket.addr as Deno.NetAddr).port}`;
  }

  async #serve(answer: (count: number) => number | null): Promise<void> {
    try {
      for (;;) {
        const [packet, from] = await this.#socket.receive();
        const message = readRawMessage(packet)!;
        assert.equal(message.opcode, opcodes.NOTIFY);
        assert.equal(message.authoritative, true);
        this.told.push(serialOfSoa(message.answers[0]!.data));
        const rcode = answer(this.told.length);
        if (rcode === null) continue;
        const reply = packet.slice(0, message.questionEnd);
        reply.fill(0, 6, 12);
        reply[2]! |= flags.QR;
        reply[3] = rcode;
        await this.#socket.send(reply, from);
      }
    } catch (error) {
      // Closed by the test.
      if (error instanceof assert.AssertionError) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#serving;
  }
}

const zoneName = (text: string) => DomainName.parse(text, "zone");

Deno.test("NotifySender tells of changes that follow each other as one, and again until it is answered", async () => {
  await using server = await nameServer();
  // Silent to the first message: the second comes after a second.
  await using secondary = new ScriptedSecondary((count) => count === 1 ? null : 0);
  const zone = server.createZone("example.org");
  const peers = [{ address: secondary.address, tsigKey: "", tlsName: "" }];
  server.transfers.control.set(zone, { primaries: [], secondaries: peers }, by);
  let serial = 0;
  for (let i = 0; i < 5; i++) serial = server.store.add(zone, `h${i} 300 A 192.0.2.1`);
  const shown = () => server.transfers.control.get(zone).notifies.map(({ error, serial }) => [error, serial]);
  await eventually(() => secondary.told, [serial]);
  await eventually(shown, [["", serial]]);
  assert.deepEqual(secondary.told, [serial, serial]);
  const last = server.store.add(zone, "last 300 A 192.0.2.1");
  await eventually(shown, [["", last]]);
  assert.deepEqual(secondary.told, [serial, serial, last]);
});

Deno.test("NotifySender says what is wrong with a secondary", async () => {
  await using server = await nameServer();
  server.createKey("k.example");
  await using refusing = new ScriptedSecondary(() => 5);
  const zone = server.createZone("example.org");
  const shown = () => server.transfers.control.get(zone).notifies.map(({ error }) => error);
  for (
    const [tsigKey, want] of [
      ["", "it answered REFUSED"],
      // An error needs no signature; what is signed must be answered so.
      ["k.example", "it answered REFUSED"],
    ] as const
  ) {
    const peers = [{ address: refusing.address, tsigKey, tlsName: "" }];
    server.transfers.control.set(zone, { primaries: [], secondaries: peers }, by);
    await eventually(shown, [want]);
  }
  await using unsigned = new ScriptedSecondary(() => 0);
  const other = server.createZone("example.net");
  const peers = [
    { address: unsigned.address, tsigKey: "k.example", tlsName: "" },
    { address: "[::1]:53", tsigKey: "", tlsName: "" },
    { address: "192.0.2.0/24", tsigKey: "", tlsName: "" },
  ];
  server.transfers.control.set(other, { primaries: [], secondaries: peers }, by);
  await eventually(
    () => server.transfers.control.get(zoneName("example.net")).notifies.map(({ error }) => error).sort(),
    [
      "the reply is not signed by key k.example",
      "transfer.source_addrs has no IPv6 address to send from",
    ],
  );
});
