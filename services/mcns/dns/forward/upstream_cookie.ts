import { ednsOptions } from "../codes.ts";
import type { Message } from "../message.ts";

/** Octets of our part (RFC 7873 §4). */
const clientOctets = 8;

/** How long an upstream that takes no replies through with cookies is asked without them, ms. */
const withoutMs = 10 * 60_000;

/**
 * Cookies with one upstream (RFC 7873): it repeats our eight random octets in every reply, so that who doesn't see our
 * queries has them to guess as well; its own part, which we repeat, tells it that our address is not forged.
 */
export class UpstreamCookie {
  readonly #ours: Uint8Array = crypto.getRandomValues(new Uint8Array(clientOctets));
  #theirs: Uint8Array | null = null;
  #withoutUntil = -Infinity;

  /** What to send; null for nothing. @param now milliseconds, monotonic */
  option(now: number): Uint8Array | null {
    if (now < this.#withoutUntil) return null;
    if (this.#theirs === null) return this.#ours;
    const option = new Uint8Array(clientOctets + this.#theirs.length);
    option.set(this.#ours);
    option.set(this.#theirs, clientOctets);
    return option;
  }

  /**
   * Whether the reply may be believed, to a query with what `option` gave; learns the server's part. One without a cookie,
   * where there was one in the last, is to be discarded (RFC 7873 §5.3), and over TCP means that the server has
   * stopped to use them.
   */
  accepts({ edns }: Message, overTcp: boolean): boolean {
    const option = edns?.options.find(({ code }) => code === ednsOptions.COOKIE)?.data;
    if (option === undefined) {
      if (overTcp) this.#theirs = null;
      return overTcp || this.#theirs === null;
    }
    const isOurs = option.length >= clientOctets && this.#ours.every((octet, i) => option[i] === octet);
    const theirs = option.length - clientOctets;
    if (isOurs && theirs >= 8 && theirs <= 32) this.#theirs = option.slice(clientOctets);
    return isOurs;
  }

  /**
   * A query without cookie got a reply, after none to one with it. Either the server has stopped to use cookies, and its
   * replies were discarded: begins anew. Or something drops queries with cookies: does without for ten minutes.
   */
  suspend(now: number): void {
    if (this.#theirs === null) this.#withoutUntil = now + withoutMs;
    this.#theirs = null;
  }
}
