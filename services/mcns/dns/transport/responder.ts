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

/** A message over a stream has a 16-bit length (RFC 1035 §4.2.2); a reply buffer of this size takes any. */
export const maxMessageOctets = 65_535;

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
