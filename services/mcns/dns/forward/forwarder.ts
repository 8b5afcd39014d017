import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { AnswerCache, type Cached, keyOf } from "./answer_cache.ts";
import type { Upstream, UpstreamState } from "./upstream.ts";
import { type Question, type Resolution, resolutionOf } from "./upstream_reply.ts";

/** Questions under way at once; more are answered SERVFAIL, so that dead upstreams can't pile up sockets. */
const maxInFlight = 1000;

export interface ForwarderOptions {
  /** In the order in which they are to be asked; at least one. */
  upstreams: readonly Upstream[];
  cacheBytes: number;
  /** Longest time that an answer is kept, and longest TTL handed on. */
  maxTtlSeconds: number;
  /** For one upstream's reply. */
  timeoutMs: number;
  /** For an answer in all. */
  deadlineMs: number;
  clock: Clock;
  log: Logger;
}

/**
 * Resolves names that are not ours by asking others, and remembers. The first upstream is asked; if it
 * doesn't reply in time or has no answer (SERVFAIL, REFUSED), the next. Those that failed three times in a row come last until their
 * back-off is over. Who didn't reply is asked once more while the deadline allows.
 */
export class Forwarder {
  readonly #upstreams: readonly Upstream[];
  readonly #cache: AnswerCache;
  readonly #options: ForwarderOptions;
  /** Questions under way: who asks the same meanwhile gets the same answer, and forgers get no more tries. */
  readonly #running = new Map<string, Promise<Resolution | null>>();
  #closed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#upstreams = options.upstreams;
    this.#cache = new AnswerCache(options.cacheBytes);
  }

  /** What the cache has, at once. */
  cached(question: Question): Cached | undefined {
    return this.#cache.get(question, this.#options.clock.monotonic());
  }

  /** Asks the upstreams. Null when none had an answer within the deadline, or too many questions are under way. Never throws. */
  resolve(question: Question): Promise<Resolution | null> {
    const key = keyOf(question);
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    if (this.#closed || this.#running.size >= maxInFlight) return Promise.resolve(null);
    const asking = this.#askAll(question).finally(() => this.#running.delete(key));
    this.#running.set(key, asking);
    return asking;
  }

  get upstreams(): UpstreamState[] {
    return this.#upstreams.map(({ state }) => state);
  }

  get cacheStats(): { entries: number; bytes: number } {
    return { entries: this.#cache.size, bytes: this.#cache.bytes };
  }

  /** Forgets all answers; returns how many. */
  flush(): number {
    return this.#cache.clear();
  }

  /** Ends all questions under way, as unanswered, and waits for that. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const upstream of this.#upstreams) upstream.close();
    await Promise.all(this.#running.values());
  }

  async #askAll(question: Question): Promise<Resolution | null> {
    const { clock, deadlineMs } = this.#options;
    const deadline = clock.monotonic() + deadlineMs;
    let silent: readonly Upstream[] = this.#inOrder();
    for (let round = 0; round < 2 && silent.length > 0; round++) {
      const asked = silent;
      silent = [];
      for (const upstream of asked) {
        const left = deadline - clock.monotonic();
        if (left <= 0 || this.#closed) return null;
        const outcome = await this.#ask(upstream, question, left);
        if (outcome === "silent") silent = [...silent, upstream];
        else if (outcome !== null) return outcome;
      }
    }
    return null;
  }

  /** Null when the upstream replied, but not with an answer. */
  async #ask(upstream: Upstream, question: Question, leftMs: number): Promise<Resolution | "silent" | null> {
    const { clock, log, maxTtlSeconds, timeoutMs } = this.#options;
    const before = upstream.state.healthy;
    const reply = await upstream.ask(question, Math.min(timeoutMs, leftMs));
    const { healthy, address, failures } = upstream.state;
    if (before && !healthy) log.warn("upstream does not reply and is set back", { upstream: address, failures });
    if (!before && healthy) log.info("upstream replies again", { upstream: address });
    if (reply === null) return "silent";
    const resolution = resolutionOf(question, reply, maxTtlSeconds);
    if (resolution !== null) this.#cache.put(resolution, clock.monotonic());
    return resolution;
  }

  #inOrder(): Upstream[] {
    const now = this.#options.clock.monotonic();
    const ready = this.#upstreams.filter(({ setBackUntil }) => setBackUntil <= now);
    const setBack = this.#upstreams.filter(({ setBackUntil }) => setBackUntil > now);
    return [...ready, ...setBack.sort((a, b) => a.setBackUntil - b.setBackUntil)];
  }
}
