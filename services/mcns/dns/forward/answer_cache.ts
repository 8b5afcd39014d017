import { isAtOrBelow } from "../../domain/name.ts";
import type { Octets } from "../../domain/octets.ts";
import { rcodes } from "../codes.ts";
import { answersOf, isBlocked, rcodeOf } from "./packed_answer.ts";
import type { Question } from "./upstream_reply.ts";

/** One answer kept. Times are whole milliseconds, monotonic: whole numbers cost no memory of their own. */
export class CacheEntry {
  /** Key of the name asked for. */
  readonly name: string;
  /** See `kindOf`. */
  readonly kind: number;
  /** See packed_answer.ts. */
  readonly packed: Octets;
  readonly storedAt: number;
  readonly expiresAt: number;
  /** Times that it was found. */
  hits = 0;
  /** Whether an upstream is asked anew for it, or was in vain, before it expires. */
  refreshed = false;
  /** Until when, after a vain attempt to refresh it, it may be used stale without another. */
  staleUntil = 0;
  /** Neighbours in order of use; the next answer for the same name. */
  newer: CacheEntry | null = null;
  older: CacheEntry | null = null;
  next: CacheEntry | null = null;

  constructor(name: string, kind: number, packed: Octets, storedAt: number, expiresAt: number) {
    this.name = name;
    this.kind = kind;
    this.packed = packed;
    this.storedAt = storedAt;
    this.expiresAt = expiresAt;
  }

  get question(): Question {
    return questionOf(this.name, this.kind);
  }

  /** Whether it says that the name isn't there, whatever the type: an alias in between would be (RFC 2308 §2.1). */
  get isNameError(): boolean {
    return rcodeOf(this.packed) === rcodes.NXDOMAIN && answersOf(this.packed) === 0 && !isBlocked(this.packed);
  }
}

export interface AnswerCacheOptions {
  maxBytes: number;
  /** How long an answer is kept after its TTL, to be used when no upstream replies (RFC 8767); 0 for not at all. */
  staleSeconds: number;
}

/**
 * Answers of upstreams, by name, type, DO and CD, within a number of bytes; the one not used for longest goes first. An
 * expired one stays as long as stale answers may be used.
 */
export class AnswerCache {
  readonly #names = new Map<string, CacheEntry>();
  readonly #maxBytes: number;
  readonly #staleMs: number;
  #newest: CacheEntry | null = null;
  #oldest: CacheEntry | null = null;
  #bytes = 0;
  #size = 0;

  constructor({ maxBytes, staleSeconds }: AnswerCacheOptions) {
    this.#maxBytes = maxBytes;
    this.#staleMs = staleSeconds * 1000;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The answer to the question, or one that says that its name isn't there. One that hasn't expired if there is any, else
   * a stale one.
   * @param now milliseconds, monotonic
   */
  find({ key, type, dnssecOk, checkingDisabled }: Question, now: number): CacheEntry | undefined {
    const kind = kindOf(type, dnssecOk, checkingDisabled);
    let stale: CacheEntry | undefined;
    for (let entry = this.#names.get(key) ?? null; entry !== null; entry = entry.next) {
      const fits = entry.kind === kind || (entry.kind >> 16 === kind >> 16 && entry.isNameError);
      if (!fits) continue;
      if (entry.expiresAt > now) return entry;
      if (stale === undefined || entry.kind === kind) stale = entry;
    }
    if (stale === undefined || stale.expiresAt + this.#staleMs > now) return stale;
    this.#remove(stale);
    return undefined;
  }

  /** Takes in an entry of another process, unless there is a newer one or it is of no use any more; returns whether it did. */
  restore(entry: CacheEntry, now: number): boolean {
    if (entry.expiresAt + this.#staleMs <= now) return false;
    for (let known = this.#names.get(entry.name) ?? null; known !== null; known = known.next) {
      if (known.kind === entry.kind && known.expiresAt >= entry.expiresAt) return false;
    }
    this.put(entry);
    return true;
  }

  /** Notes that the entry was used. */
  touch(entry: CacheEntry): void {
    entry.hits++;
    if (this.#newest === entry) return;
    this.#unlink(entry);
    this.#link(entry);
  }

  /** Keeps the entry in place of the one to the same question; not when it is larger than the whole cache. */
  put(entry: CacheEntry): void {
    const { name, kind } = entry;
    for (let old = this.#names.get(name) ?? null; old !== null; old = old.next) {
      if (old.kind !== kind) continue;
      this.#remove(old);
      break;
    }
    if (bytesOf(entry) > this.#maxBytes) return;
    entry.next = this.#names.get(name) ?? null;
    this.#names.set(name, entry);
    this.#link(entry);
    this.#bytes += bytesOf(entry);
    this.#size++;
    while (this.#bytes > this.#maxBytes && this.#oldest !== null) this.#remove(this.#oldest);
  }

  /** Every entry, the one not used for longest first. */
  *[Symbol.iterator](): Generator<CacheEntry> {
    for (let entry = this.#oldest; entry !== null;) {
      const { newer }: CacheEntry = entry;
      yield entry;
      entry = newer;
    }
  }

  /** Forgets the entries that `which` says; returns how many. */
  removeWhere(which: (entry: CacheEntry) => boolean): number {
    const before = this.#size;
    for (const entry of this) if (which(entry)) this.#remove(entry);
    return before - this.#size;
  }

  /** Forgets all answers, or those for `name` and what is below it; returns how many. */
  clear(name?: string): number {
    if (name !== undefined) return this.removeWhere((entry) => isAtOrBelow(entry.name, name));
    const removed = this.#size;
    this.#names.clear();
    this.#newest = this.#oldest = null;
    this.#bytes = this.#size = 0;
    return removed;
  }

  #remove(entry: CacheEntry): void {
    const first = this.#names.get(entry.name)!;
    if (first === entry) {
      if (entry.next === null) this.#names.delete(entry.name);
      else this.#names.set(entry.name, entry.next);
    } else {
      let before = first;
      while (before.next !== entry) before = before.next!;
      before.next = entry.next;
    }
    this.#unlink(entry);
    this.#bytes -= bytesOf(entry);
    this.#size--;
  }

  #link(entry: CacheEntry): void {
    entry.older = this.#newest;
    entry.newer = null;
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink({ newer, older }: CacheEntry): void {
    if (newer === null) this.#newest = older;
    else newer.older = older;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
  }
}

const dnssecOkBit = 1 << 16;
const checkingDisabledBit = 1 << 17;

/** What of a question decides about its answer beside the name, as one number: type, DO and CD. */
export function kindOf(type: number, dnssecOk: boolean, checkingDisabled: boolean): number {
  return type | (dnssecOk ? dnssecOkBit : 0) | (checkingDisabled ? checkingDisabledBit : 0);
}

export function questionOf(name: string, kind: number): Question {
  return {
    key: name,
    type: kind & 0xffff,
    dnssecOk: (kind & dnssecOkBit) !== 0,
    checkingDisabled: (kind & checkingDisabledBit) !== 0,
  };
}

// What V8 reports for 50,000 answers, without the octets of name and answer: entry, two string headers, the Map's share.
const entryBytes = 200;

function bytesOf({ name, packed }: CacheEntry): number {
  return entryBytes + name.length + packed.length;
}
