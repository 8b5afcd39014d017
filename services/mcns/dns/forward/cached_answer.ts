import { textOfKey } from "../../domain/name.ts";
import { extendedErrors, rcodes } from "../codes.ts";
import type { ExtendedError } from "../edns_options.ts";
import type { CacheEntry } from "./answer_cache.ts";
import { answersOf, authoritiesOf, isBlocked, rcodeOf, sectionOctets, unpack, writeSections } from "./packed_answer.ts";
import type { Question, Resolution } from "./upstream_reply.ts";

/** RFC 8767 §4: a stale record goes out with this TTL, so that clients ask again soon. */
export const staleTtlSeconds = 30;

const staleAnswer: ExtendedError = { code: extendedErrors.STALE_ANSWER, text: "no upstream replies" };
const staleNameError: ExtendedError = { code: extendedErrors.STALE_NXDOMAIN, text: "no upstream replies" };
const blockedAnswer: ExtendedError = { code: extendedErrors.BLOCKED, text: "on a block list" };

/** What the cache or a block list has for a question, ready to be sent. */
export class Cached {
  /** To take off the TTLs of `resolution`. */
  readonly ageSeconds: number;
  /** Whether it has expired, and is used because upstreams don't reply (RFC 8767). */
  readonly stale: boolean;
  readonly #question: Question;
  readonly #entry: CacheEntry;

  /** @param now milliseconds, monotonic */
  constructor(question: Question, entry: CacheEntry, now: number) {
    this.#question = question;
    this.#entry = entry;
    this.stale = entry.expiresAt <= now;
    this.ageSeconds = this.stale ? 0 : Math.floor((now - entry.storedAt) / 1000);
  }

  get rcode(): number {
    return rcodeOf(this.#entry.packed);
  }

  /** Whether it isn't an upstream's answer but a block list's. */
  get blocked(): boolean {
    return isBlocked(this.#entry.packed);
  }

  /** What a client should know beyond the rcode (RFC 8914); null for an ordinary answer. */
  get ede(): ExtendedError | null {
    if (this.blocked) return blockedAnswer;
    if (!this.stale) return null;
    return this.rcode === rcodes.NXDOMAIN ? staleNameError : staleAnswer;
  }

  /** Records of the answer section. */
  get answers(): number {
    return answersOf(this.#entry.packed);
  }

  /** Records of the authority section. */
  get authorities(): number {
    return authoritiesOf(this.#entry.packed);
  }

  /** Octets of both sections. */
  get octets(): number {
    return sectionOctets(this.#entry.packed);
  }

  /**
   * Writes both sections, TTLs counted down, into a reply that has nothing but its header and the question before.
   * @param at where the question ends, with room for `octets`
   */
  writeTo(out: Uint8Array, at: number): void {
    writeSections(this.#entry.packed, out, at, this.ageSeconds, this.stale ? staleTtlSeconds : -1);
  }

  /** The records, for who can't use `writeTo`; takes some microseconds. */
  get resolution(): Resolution {
    const { name, packed } = this.#entry, question = this.#question;
    const sections = unpack(name, packed);
    // The cache takes only what `pack` made, and files only what can be unpacked.
    if (sections === null) throw new Error(`the answer kept for ${textOfKey(name)} is damaged`);
    const { ede, stale, blocked, rcode } = this;
    const reset = stale ? <T extends object>(record: T) => ({ ...record, ttlSeconds: staleTtlSeconds }) : null;
    return {
      question,
      rcode,
      answers: reset === null ? sections.answers : sections.answers.map(reset),
      authorities: reset === null ? sections.authorities : sections.authorities.map(reset),
      ttlSeconds: 0,
      stale,
      blocked,
      ede,
    };
  }
}
