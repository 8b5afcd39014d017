/**
 * Asks MCIAS about a token at most once in a while.
 *
 * Good and bad answers are kept apart, each bounded, so that a flood of made-up
 * tokens can't push out the good ones. The keys are SHA-256 of the token: the
 * process holds no list of usable tokens. Callers that come while a question is
 * under way share its answer.
 * @module
 */
import { createHash } from "node:crypto";
import type { Clock } from "@lib/clock/mod.ts";
import { PlatformError, unavailable } from "@lib/errors/mod.ts";
import type { Authenticate, Caller } from "./caller.ts";

/** A token of the platform has about 700 bytes; larger than this is refused unseen. */
export const maxTokenBytes = 8 * 1024;

export interface VerifierOptions {
  /** Asks the authority: the caller, null for a bad token; throws when it can't answer. */
  readonly validate: Authenticate;
  readonly clock: Clock;
  /** How long an answer is used again, and so how long a revoked token may still work here; default 30,000. */
  readonly ttlMs?: number;
  /** Good answers kept, the least recently used go first; default 10,000. Bad ones: a tenth. */
  readonly maxEntries?: number;
}

interface Entry {
  readonly caller: Caller | null;
  /** On the monotonic clock, ms. */
  readonly goodUntil: number;
}

/** Verifies tokens through a cache; see the module's text. */
export class TokenVerifier {
  readonly #validate: Authenticate;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #maxGood: number;
  readonly #maxBad: number;
  readonly #good = new Map<string, Entry>();
  readonly #bad = new Map<string, Entry>();
  readonly #flights = new Map<string, Promise<Caller | null>>();

  constructor(options: VerifierOptions) {
    this.#validate = options.validate;
    this.#clock = options.clock;
    this.#ttlMs = options.ttlMs ?? 30_000;
    this.#maxGood = options.maxEntries ?? 10_000;
    this.#maxBad = Math.max(1, Math.floor(this.#maxGood / 10));
  }

  /**
   * The token's caller, or null when it is not good. An expired token is refused
   * even while its good answer is cached.
   * @throws PlatformError unavailable when MCIAS does not answer; a failure is not cached
   */
  verify(token: string): Promise<Caller | null> {
    if (token.length === 0 || token.length > maxTokenBytes) return Promise.resolve(null);
    const key = createHash("sha256").update(token).digest("base64");
    const cached = this.#cached(key);
    if (cached !== undefined) return Promise.resolve(cached);
    const flight = this.#flights.get(key) ?? this.#ask(key, token);
    return flight;
  }

  /** Forgets everything, so that each token is asked about again. */
  clear(): void {
    this.#good.clear();
    this.#bad.clear();
  }

  #cached(key: string): Caller | null | undefined {
    for (const map of [this.#good, this.#bad]) {
      const entry = map.get(key);
      if (entry === undefined) continue;
      map.delete(key);
      if (this.#clock.monotonic() >= entry.goodUntil) return undefined;
      if (isExpired(entry.caller, this.#clock.now())) return null;
      map.set(key, entry); // to the end: the first key is the least recently used
      return entry.caller;
    }
    return undefined;
  }

  #ask(key: string, token: string): Promise<Caller | null> {
    // The answer ages from the moment of asking: MCIAS may have decided before a revocation that came meanwhile.
    const goodUntil = this.#clock.monotonic() + this.#ttlMs;
    const flight = this.#validate(token).then((caller) => {
      this.#keep(key, { caller, goodUntil });
      return isExpired(caller, this.#clock.now()) ? null : caller;
    }, (cause) => {
      if (cause instanceof PlatformError) throw cause;
      throw unavailable("Cannot check the token: MCIAS does not answer", { hint: "Try again shortly", cause });
    }).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  #keep(key: string, entry: Entry): void {
    const [map, max] = entry.caller === null ? [this.#bad, this.#maxBad] : [this.#good, this.#maxGood];
    map.set(key, entry);
    if (map.size <= max) return;
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
}

function isExpired(caller: Caller | null, now: number): boolean {
  return caller?.expiresAt !== undefined && now >= caller.expiresAt;
}
