/** Listeners under test get their replies from here: the name asked for says what is to happen. */
import type { Client, Reply, Responder } from "../dns/transport/responder.ts";

/** What a query for "<label>.test" gets. */
export type Script = Record<string, (packet: Uint8Array, out: Uint8Array) => Reply>;

/** A query for "<label>.test A". */
export function ask(label: string, id = 0): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(label);
  return Uint8Array.of(
    ...[id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    ...[text.length, ...text, 4, ...new TextEncoder().encode("test"), 0, 0, 1, 0, 1],
  );
}

/** The query made a reply, and filled up with zeros where it is to be longer. */
export function echo(packet: Uint8Array, octets = packet.length): Uint8Array<ArrayBuffer> {
  const reply = new Uint8Array(octets);
  reply.set(packet);
  reply[2]! |= 0x80;
  return reply;
}

export class ScriptedResponder implements Responder {
  readonly clients: Client[] = [];
  readonly #script: Script;

  /** What the script has no label for is echoed at once. */
  constructor(script: Script = {}) {
    this.#script = script;
  }

  answer(packet: Uint8Array, client: Client, out: Uint8Array): Reply {
    this.clients.push(client);
    const label = new TextDecoder().decode(packet.subarray(13, 13 + packet[12]!));
    const scripted = this.#script[label];
    if (scripted !== undefined) return scripted(packet, out);
    out.set(echo(packet));
    return packet.length;
  }
}
