import type { Query } from "./query.ts";
import type { Client } from "./transport/responder.ts";

/** What isn't a plain query: transfers, NOTIFY, UPDATE, and whatever carries a TSIG record. */
export interface SpecialMessages {
  /**
   * Called for opcodes NOTIFY and UPDATE, question types AXFR and IXFR, and every message with a TSIG record. Packet and
   * query are the callee's own. Whole replies: none (an empty stream, or an empty message) for no reply.
   * Null when it isn't for this: then a query is answered as without TSIG, NOTIFY and UPDATE get NOTIMP, transfers REFUSED.
   * Must not throw; what it promises must not reject.
   * @param plain answers a query (the message without its TSIG record) as if it had come without
   */
  handle(
    packet: Uint8Array,
    query: Query,
    client: Client,
    plain: (packet: Uint8Array) => Promise<Uint8Array>,
  ): Promise<Uint8Array> | AsyncIterable<Uint8Array> | null;
}
