/**
 * Asks one server many questions: over one TCP connection many under way at once, over UDP one after the other.
 * @module
 */
import { type Message, readMessage } from "../../services/mcns/dns/message.ts";
import type { Query } from "./dns_zone_generator.ts";

const maxUnderWay = 200;

/** A query on the wire, EDNS with 1,232 octets. */
export function packetOf({ name, type, dnssecOk, recursionDesired }: Query, id: number): Uint8Array<ArrayBuffer> {
  const labels = name.split(".").filter((label) => label !== "");
  const question = labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.from([
    ...[id >> 8, id & 255, recursionDesired ? 1 : 0, 0, 0, 1, 0, 0, 0, 0, 0, 1],
    ...[...question, 0, type >> 8, type & 255, 0, 1],
    ...[0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, dnssecOk ? 0x80 : 0, 0, 0, 0],
  ]);
}

/** The replies in the order of the queries; null where one can't be read. Throws when the server closes. */
export async function askAll(port: number, queries: readonly Query[]): Promise<(Message | null)[]> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    const replies: (Message | null)[] = new Array(queries.length);
    let asked = 0, answered = 0;
    let buffer = new Uint8Array(1 << 17), filled = 0;
    while (answered < queries.length) {
      // Ids count up to 16 bits; as only a few hundred are under way they tell replies apart.
      const batch: number[] = [];
      while (asked < queries.length && asked - answered < maxUnderWay) {
        const packet = packetOf(queries[asked]!, asked & 0xffff);
        batch.push(packet.length >> 8, packet.length & 255, ...packet);
        asked++;
      }
      const octets = Uint8Array.from(batch);
      for (let at = 0; at < octets.length;) at += await connection.write(octets.subarray(at));
      if (filled === buffer.length) {
        const larger = new Uint8Array(buffer.length * 2);
        larger.set(buffer);
        buffer = larger;
      }
      const read = await connection.read(buffer.subarray(filled));
      if (read === null) throw new Error(`port ${port} closed after ${answered} of ${queries.length} replies`);
      filled += read;
      let at = 0;
      while (filled - at >= 2) {
        const length = buffer[at]! << 8 | buffer[at + 1]!;
        if (filled - at - 2 < length) break;
        const packet = buffer.slice(at + 2, at + 2 + length);
        at += 2 + length;
        const id = packet[0]! << 8 | packet[1]!;
        // The query of that id nearest to the last ones answered.
        let index = answered - (answered & 0xffff) + id;
        if (index < answered - 0x8000) index += 0x10000;
        else if (index >= answered + 0x8000) index -= 0x10000;
        replies[index] = readMessage(packet);
        answered++;
      }
      buffer.copyWithin(0, at, filled);
      filled -= at;
    }
    return replies;
  } finally {
    connection.close();
  }
}

/** The replies over UDP, one question after the other; null where none came within a second, or one that can't be read. */
export async function askAllUdp(port: number, queries: readonly Query[]): Promise<(Message | null)[]> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const buffer = new Uint8Array(4096);
  const replies: (Message | null)[] = [];
  try {
    for (const [id, query] of queries.entries()) {
      await socket.send(packetOf(query, id & 0xffff), { transport: "udp", hostname: "127.0.0.1", port });
      const late = Promise.withResolvers<null>();
      const timer = setTimeout(() => late.resolve(null), 1000);
      const received = socket.receive(buffer).then(([packet]) => packet.slice());
      const reply = await Promise.race([received, late.promise]).finally(() => clearTimeout(timer));
      replies.push(reply === null ? null : readMessage(reply));
    }
    return replies;
  } finally {
    socket.close();
  }
}
