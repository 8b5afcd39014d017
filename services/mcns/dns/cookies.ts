/**
 * DNS cookies (RFC 7873), in the form that all servers with the same secret understand (RFC 9018): a client that can show
 * ours has received a reply at its address, so its address isn't forged.
 *
 *     client's part, 8 octets | version 1 | reserved, 3 octets | time, 4 octets | SipHash-2-4 of all that and the address
 */
import type { Clock } from "@lib/clock/mod.ts";
import { invalid } from "@lib/errors/mod.ts";
import { sipHash, sipHashOctets, sipKeyOctets } from "./siphash.ts";

/** The client's part alone, and with ours. */
const clientOctets = 8;
export const cookieOctets = 24;

/** How far from now a cookie's time may be, and from what age on the client gets a new one, seconds (RFC 9018 §4.3). */
const maxAge = 3600;
const maxAhead = 300;
const renewAge = 1800;

/** What a query's cookie says of its sender. */
export const cookieStates = {
  /** There is none. */
  none: 0,
  /** The client's part alone, or a server's part that isn't ours or is too old: the address may be forged. */
  unknown: 1,
  /** Ours: the address is real. */
  valid: 2,
} as const;
export type CookieState = typeof cookieStates[keyof typeof cookieStates];

export class Cookies {
  /** The first makes cookies; cookies of any are taken, so that secrets can be changed one after the other (RFC 9018 §5). */
  readonly #secrets: readonly Uint8Array[];
  readonly #clock: Clock;
  /** What is hashed: the first 16 octets of the cookie, and the client's address. */
  readonly #input = new Uint8Array(32);
  readonly #hash = new Uint8Array(sipHashOctets);
  /** The cookie of the last `check`, for the reply; overwritten by the next. */
  readonly reply: Uint8Array = new Uint8Array(cookieOctets);

  /** @param secrets of 16 octets, at least one; the first makes new cookies, the others are still taken */
  constructor(secrets: readonly Uint8Array[], clock: Clock) {
    this.#secrets = secrets;
    this.#clock = clock;
  }

  /**
   * Checks the cookie option in `packet` at `at`, and puts the one that goes back into `reply`.
   * @param octets its length: 8, or 16 to 40
   * @param address the client's, 4 or 16 octets
   */
  check(packet: Uint8Array, at: number, octets: number, address: Uint8Array): CookieState {
    const input = this.#input, { reply } = this;
    const now = Math.floor(this.#clock.now() / 1000) >>> 0;
    const length = 16 + address.length;
    input.set(address, 16);
    if (octets === cookieOctets && packet[at + clientOctets] === 1) {
      for (let i = 0; i < 16; i++) input[i] = packet[at + i]!;
      // RFC 1982 arithmetic: the time wraps in 2106.
      const age = (now - time(input)) | 0;
      if (age <= maxAge && age >= -maxAhead) {
        for (const secret of this.#secrets) {
          if (!this.#matches(secret, length, packet, at + 16)) continue;
          if (secret === this.#secrets[0] && age < renewAge) {
            for (let i = 0; i < cookieOctets; i++) reply[i] = packet[at + i]!;
          } else this.#make(now, length);
          return cookieStates.valid;
        }
      }
    }
    for (let i = 0; i < clientOctets; i++) input[i] = packet[at + i]!;
    this.#make(now, length);
    return cookieStates.unknown;
  }

  #matches(secret: Uint8Array, length: number, packet: Uint8Array, at: number): boolean {
    sipHash(secret, this.#input, length, this.#hash, 0);
    let difference = 0;
    for (let i = 0; i < sipHashOctets; i++) difference |= this.#hash[i]! ^ packet[at + i]!;
    return difference === 0;
  }

  /** From the client's part and the address in the input. */
  #make(now: number, length: number): void {
    const input = this.#input, { reply } = this;
    input[8] = 1;
    input[9] = input[10] = input[11] = 0;
    for (let i = 0; i < 4; i++) input[12 + i] = now >>> 24 - 8 * i;
    for (let i = 0; i < 16; i++) reply[i] = input[i]!;
    sipHash(this.#secrets[0]!, input, length, reply, 16);
  }
}

function time(cookie: Uint8Array): number {
  return (cookie[12]! << 24 | cookie[13]! << 16 | cookie[14]! << 8 | cookie[15]!) >>> 0;
}

/**
 * Secrets from a file's text: 32 hexadecimal digits a line, the first for new cookies, further ones still taken. Servers
 * behind one address share them. Throws Invalid on `field`, without showing what the file holds.
 */
export function parseCookieSecrets(text: string, field = "dns.cookie_secret_file"): Uint8Array[] {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  if (lines.length === 0) throw invalid(field, "the file must hold a secret: 32 hexadecimal digits on a line");
  return lines.map((line, i) => {
    if (!/^[0-9a-f]{32}$/i.test(line)) {
      throw invalid(field, `secret ${i + 1} in the file must be ${2 * sipKeyOctets} hexadecimal digits`);
    }
    return Uint8Array.fromHex(line);
  });
}

/** A secret for as long as the program runs. */
export function randomCookieSecret(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(sipKeyOctets));
}
