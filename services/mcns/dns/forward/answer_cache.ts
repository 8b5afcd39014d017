import type { WireRecord } from "../message.ts";
import type { Question, Resolution } from "./upstream_reply.ts";

interface Entry {
  resolution: Resolution;
  /** Milliseconds, monotonic. */
  storedAt: number;
  expiresAt: number;
  bytes: number;
}

/** What was found, and how many seconds to take off its TTLs. */
export interface Cached {
  resolution: Resolution;
  ageSeconds: number;
}

/**
 * Answers of upstreams for as long as they may be kept, within a number of bytes; the one not used for longest goes
 * first. A Map keeps insertion order, so its first key is that one when each use inserts anew.
 */
export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param now milliseconds, monotonic */
  get(question: Question, now: number): Cached | undefined {
    const key = keyOf(question);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt <= now) {
      this.#delete(key, entry);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return { resolution: entry.resolution, ageSeconds: Math.floor((now - entry.storedAt) / 1000) };
  }

  /** Keeps the resolution for its `ttlSeconds`; one with 0, or one larger than the whole cache, is not kept. */
  put(resolution: Resolution, now: number): void {
    const key = keyOf(resolution.question);
    const before = this.#entries.get(key);
    if (before !== undefined) this.#delete(key, before);
    const bytes = bytesOf(key, resolution);
    if (resolution.ttlSeconds <= 0 || bytes > this.#maxBytes) return;
    this.#entries.set(key, { resolution, storedAt: now, expiresAt: now + resolution.ttlSeconds * 1000, bytes });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#delete(oldest, entry);
    }
  }

  /** Empties it; returns how many answers went. */
  clear(): number {
    const removed = this.#entries.size;
    this.#entries.clear();
    this.#bytes = 0;
    return removed;
  }

  #delete(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

export function keyOf({ key, type, dnssecOk, checkingDisabled }: Question): string {
  return `${type}${dnssecOk ? "d" : ""}${checkingDisabled ? "c" : ""} ${key}`;
}

// Fitted to what V8 reports for 20,000 answers: 740 bytes each with one record, 10.8 kB with 30 (names of 21 octets, data
// of 38).
const entryBytes = 340;
const recordBytes = 290;

function bytesOf(key: string, { answers, authorities }: Resolution): number {
  const of = (records: readonly WireRecord[]) =>
    records.reduce((sum, record) => sum + recordBytes + record.owner.length + record.data.length, 0);
  return entryBytes + 2 * key.length + of(answers) + of(authorities);
}
