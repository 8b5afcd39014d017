/**
 * What the listeners ask for replies: `dns/answer.ts`, whose `Answers` is one.
 * @module
 */

/** Who asks. */
export interface Client {
  /** IP address as text. */
  readonly address: string;
  readonly port: number;
  readonly transport: "udp" | "tcp" | "tls" | "https";
}

/**
 * The reply's length in `out`, 0 for none; or the reply when it is there, empty for none; or whole messages one after
 * the other, for zone transfers, never over UDP.
 */
export type Reply = number | Promise<Uint8Array> | AsyncIterable<Uint8Array>;

export interface Responder {
  /**
   * Never throws or rejects. `packet` is not needed after the call.
   * @param out at least 65,535 octets, over UDP 1,232
   */
  answer(packet: Uint8Array, client: Client, out: Uint8Array): Reply;
}
