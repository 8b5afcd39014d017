import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Octets } from "../../domain/octets.ts";
import { AnswerCache, CacheEntry, kindOf } from "./answer_cache.ts";
import { askHedged, type Outcome } from "./ask_hedged.ts";
import { askingOrder, type Strategy, unmeasured } from "./asking_order.ts";
import { type BlockAnswer, blockedResolution, blockedTtlSeconds } from "./blocked_answer.ts";
import { loadCache, saveCache } from "./cache_file.ts";
import { type CachedEntryView, type EntriesPage, entriesPage } from "./cache_view.ts";
import { Cached } from "./cached_answer.ts";
import { FailureMemory } from "./failure_memory.ts";
import { AnswerPacker, isBlocked } from "./packed_answer.ts";
import { Upkeep } from "./upkeep.ts";
import type { Upstream, UpstreamState } from "./upstream.ts";
import { chainFrom, type Question, type Resolution, resolutionOf } from "./upstream_reply.ts";

/** Questions under way at once; more are answered SERVFAIL, so that dead upstreams can't pile up sockets. */
const maxInFlight = 1000;

/** A page asks for three or four. */
const maxBlockedTypes = 16;

/** RFC 8767 §5: who asked waits so long for an upstream before a stale answer is given, ms; stub resolvers give up after 2 s and more. */
const staleAfterMs = 1800;

/** RFC 8767 §5: after upstreams were asked in vain, a stale answer is used so long without asking again, ms. */
const staleRecheckMs = 30_000;

/** Share of its TTL that is left when a popular answer is asked for anew. */
const prefetchShare = 0.1;

/** Blocked names; block_list_files.ts, less the exceptions. */
export interface Blocking {
  has(key: string): boolean;
  /** Reads lists that have changed; true when there are other names now. */
  refresh(): Promise<boolean>;
}

export interface ForwarderOptions {
  /** In the order in which they are to be asked; at least one. */
  upstreams: readonly Upstream[];
  /** Default "order". */
  strategy?: Strategy;
  cacheBytes: number;
  /** Longest time that an answer is kept, and longest TTL handed on. */
  maxTtlSeconds: number;
  /** How long after its TTL an answer may be used while upstreams don't reply; default 0, not at all. */
  staleSeconds?: number;
  /** An answer found so many times is asked for anew shortly before its TTL ends; default 0, never. */
  prefetchHits?: number;
  /** For one upstream's reply. */
  timeoutMs: number;
  /** For an answer in all. */
  deadlineMs: number;
  /** Default null, nothing is blocked. */
  blocking?: Blocking | null;
  /** What clients get for a blocked name; default NXDOMAIN. */
  blockAnswer?: BlockAnswer;
  clock: Clock;
  log: Logger;
}

/**
 * Resolves names that are not ours by asking others, and remembers (see ask_hedged.ts for whom it asks when).
 *
 * `cached` is for every query, at once; `resolve` when it has nothing. While upstreams don't reply, expired answers are used
 * (RFC 8767): by `resolve` when asking was in vain or takes longer than 1.8 s, then for 30 s by `cached`.
 */
export class Forwarder {
  readonly #upstreams: readonly Upstream[];
  readonly #cache: AnswerCache;
  readonly #packer = new AnswerPacker();
  /** Answers for blocked names by type: packed against the name asked for, they are the same for all names. */
  readonly #blockedPacked = new Map<number, Octets>();
  readonly #failures = new FailureMemory();
  readonly #options: ForwarderOptions;
  /** Questions under way: who asks the same meanwhile gets the same answer, and forgers get no more tries. */
  readonly #running = new Map<string, Promise<Resolution | null>>();
  /** Not ended yet, those whose asker was given a stale answer included. */
  readonly #asking = new Set<Promise<unknown>>();
  #upkeep: Upkeep | null = null;
  #closed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#upstreams = options.upstreams;
    this.#cache = new AnswerCache({ maxBytes: options.cacheBytes, staleSeconds: options.staleSeconds ?? 0 });
  }

  /** What the cache has, or a block list, at once. */
  cached(question: Question): Cached | undefined {
    const now = this.#now();
    if (this.blocks(question.key)) return this.#blocked(question, now);
    const entry = this.#cache.find(question, now);
    if (entry === undefined) return undefined;
    if (entry.expiresAt <= now && entry.staleUntil <= now && !this.#allDown()) return undefined;
    this.#cache.touch(entry);
    if (this.#isPrefetchDue(entry, now)) {
      entry.refreshed = true;
      void this.resolve(entry.question);
    }
    return new Cached(question, entry, now);
  }

  /**
   * Asks the upstreams. Null when none had an answer within the deadline, too many questions are under way, or nobody
   * had an answer a moment ago. TTLs are ready to be sent. Never rejects.
   */
  resolve(question: Question): Promise<Resolution | null> {
    const now = this.#now();
    if (this.blocks(question.key)) return Promise.resolve(blockedResolution(question, this.#blockAnswer));
    const id = idOf(question);
    const running = this.#running.get(id);
    if (running !== undefined) return running;
    const stale = this.#staleFor(question, now);
    const mayAsk = !this.#closed && this.#asking.size < maxInFlight && !this.#failures.has(id, now);
    if (!mayAsk) return Promise.resolve(stale?.resolution ?? null);
    const asking = this.#ask(question, id).finally(() => {
      this.#asking.delete(asking);
      this.#running.delete(id);
    });
    this.#asking.add(asking);
    const inTime = stale === undefined ? asking : orStale(asking, stale);
    this.#running.set(id, inTime);
    return inTime;
  }

  /** Whether the name is on a block list. */
  blocks(key: string): boolean {
    return this.#options.blocking?.has(key) ?? false;
  }

  get upstreams(): UpstreamState[] {
    return this.#upstreams.map(({ state }) => state);
  }

  get cacheStats(): { entries: number; bytes: number } {
    return { entries: this.#cache.size, bytes: this.#cache.bytes };
  }

  /** A page of what the cache holds. */
  entries(page: EntriesPage): CachedEntryView[] {
    return entriesPage(this.#cache, page, this.#now());
  }

  /** Forgets all answers, or those for `name` (a key) and what is below; returns how many. */
  flush(name?: string): number {
    // That nobody had an answer is no answer, but it would be in the way of asking again.
    this.#failures.clear();
    return this.#cache.clear(name);
  }

  /** What is to be done now and then, about once a second: finds out whether upstreams that were down are back. */
  async tend(): Promise<void> {
    this.#failures.sweep(this.#now());
    await Promise.all(this.#upstreams.map(async (upstream) => {
      const before = upstream.state;
      await upstream.tend(this.#options.timeoutMs);
      this.#logChange(upstream, before);
    }));
  }

  /** Reads block lists that have changed; what was kept by the old ones is forgotten. */
  async refreshBlocking(): Promise<void> {
    if (await this.#options.blocking?.refresh()) this.#cache.removeWhere(({ packed }) => isBlocked(packed));
  }

  /** Writes the cache into a file. A failure is logged: the cache is a convenience. */
  async saveTo(path: string): Promise<void> {
    await saveCache(this.#cache, path, this.#options);
  }

  /** Takes in what a file holds, as far as it is newer than what the cache has; returns how many answers. */
  async loadFrom(path: string): Promise<number> {
    const { cacheBytes, clock, log } = this.#options;
    return await loadCache(this.#cache, path, { maxBytes: cacheBytes, clock, log });
  }

  /**
   * Begins what goes on by itself: probing upstreams that are down, reading block lists, keeping the cache in a file.
   * @param cacheFile empty: not kept
   */
  start(cacheFile: string): void {
    this.#upkeep ??= new Upkeep(this, cacheFile);
  }

  /** Ends all questions under way, as unanswered, and waits for that. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#upkeep?.close();
    await Promise.all(this.#upstreams.map((upstream) => upstream.close()));
    await Promise.all([...this.#asking, ...this.#running.values()]);
  }

  #now(): number {
    return Math.round(this.#options.clock.monotonic());
  }

  get #blockAnswer(): BlockAnswer {
    return this.#options.blockAnswer ?? "nxdomain";
  }

  #blocked(question: Question, now: number): Cached {
    const { key, type, dnssecOk, checkingDisabled } = question;
    let packed = this.#blockedPacked.get(type);
    if (packed === undefined) {
      packed = this.#packer.pack(key, blockedResolution(question, this.#blockAnswer))!;
      if (this.#blockedPacked.size < maxBlockedTypes) this.#blockedPacked.set(type, packed);
    }
    const kind = kindOf(type, dnssecOk, checkingDisabled);
    return new Cached(question, new CacheEntry(key, kind, packed, now, now + blockedTtlSeconds * 1000), now);
  }

  #isPrefetchDue({ hits, refreshed, storedAt, expiresAt, packed }: CacheEntry, now: number): boolean {
    const { prefetchHits = 0 } = this.#options;
    if (prefetchHits === 0 || hits < prefetchHits || refreshed || isBlocked(packed)) return false;
    return expiresAt > now && expiresAt - now <= (expiresAt - storedAt) * prefetchShare;
  }

  #allDown(): boolean {
    return this.#upstreams.every(({ health }) => health.isDown);
  }

  /** An expired answer that may be used in need. */
  #staleFor(question: Question, now: number): Cached | undefined {
    const entry = this.#cache.find(question, now);
    // One that hasn't expired is being prefetched: it needs no help.
    return entry === undefined || entry.expiresAt > now ? undefined : new Cached(question, entry, now);
  }

  /** The upstreams' answer, kept; else the stale one, or null. */
  async #ask(question: Question, id: string): Promise<Resolution | null> {
    const { clock, deadlineMs, strategy = "order" } = this.#options;
    const order = askingOrder(this.#upstreams, strategy);
    const deadline = performance.now() + deadlineMs;
    const found = await askHedged({
      order,
      beside: strategy === "fastest" ? unmeasured(order, clock) : null,
      ask: (upstream, isRetry) => this.#askOne(upstream, question, deadline - performance.now(), isRetry),
      deadlineMs,
    });
    const now = this.#now();
    if (found === null) {
      if (this.#closed) return null;
      this.#failures.add(id, now);
      const entry = this.#cache.find(question, now);
      if (entry === undefined || entry.expiresAt > now) return null;
      entry.staleUntil = now + staleRecheckMs;
      return new Cached(question, entry, now).resolution;
    }
    this.#failures.remove(id);
    const resolution = this.#uncloaked(found);
    const entry = resolution.ttlSeconds > 0 ? this.#entry(resolution, now) : null;
    if (entry !== null) this.#cache.put(entry);
    return resolution;
  }

  async #askOne(
    upstream: Upstream,
    question: Question,
    leftMs: number,
    isRetry: boolean,
  ): Promise<Outcome> {
    if (leftMs <= 0 || this.#closed) return null;
    if (upstream.isBusy) return "busy";
    const before = upstream.state;
    const reply = await upstream.ask(question, Math.min(this.#options.timeoutMs, leftMs), isRetry);
    this.#logChange(upstream, before);
    return reply === null ? "silent" : resolutionOf(question, reply, this.#options.maxTtlSeconds);
  }

  /** A blocked name behind an alias is blocked too: that is how trackers hide. */
  #uncloaked(resolution: Resolution): Resolution {
    const { question, answers } = resolution;
    if (!this.#options.blocking) return resolution;
    for (const name of chainFrom(question, answers)) {
      if (this.blocks(name)) return blockedResolution(question, this.#blockAnswer);
    }
    return resolution;
  }

  #entry(resolution: Resolution, now: number): CacheEntry | null {
    const { question: { key, type, dnssecOk, checkingDisabled }, ttlSeconds } = resolution;
    const packed = this.#packer.pack(key, resolution);
    if (packed === null) return null;
    return new CacheEntry(key, kindOf(type, dnssecOk, checkingDisabled), packed, now, now + ttlSeconds * 1000);
  }

  #logChange(upstream: Upstream, { healthy: before }: UpstreamState): void {
    const { healthy, address, failures, error } = upstream.state;
    const { log } = this.#options;
    if (before && !healthy) log.warn("upstream does not reply and is set back", { upstream: address, failures, error });
    if (!before && healthy) log.info("upstream replies again", { upstream: address });
  }
}

/** What the upstreams say, or the stale answer when that takes too long; asking goes on then, for the next who asks. */
function orStale(asking: Promise<Resolution | null>, stale: Cached): Promise<Resolution | null> {
  const { promise, resolve } = Promise.withResolvers<Resolution | null>();
  const timer = setTimeout(() => resolve(stale.resolution), staleAfterMs);
  return Promise.race([asking, promise]).finally(() => clearTimeout(timer));
}

function idOf({ key, type, dnssecOk, checkingDisabled }: Question): string {
  return `${kindOf(type, dnssecOk, checkingDisabled)} ${key}`;
}
