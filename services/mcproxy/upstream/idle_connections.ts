/**
 * Idle HTTP/1.1 connections to one backend.
 * @module
 */
import type { Deadline, Deadlines } from "../stream/deadlines.ts";
import type { PooledStream } from "./pooled_stream.ts";

/** A request that can't be sent twice takes only a connection used this recently: one idle longer may just be closing. */
const freshMs = 1000;

interface Idle {
  readonly stream: PooledStream;
  readonly owner: string;
  readonly since: number;
  /** When it is closed. */
  readonly until: number;
}

export interface IdleLimits {
  maxIdle: number;
  idleMs: number;
}

/** See the module; the last used is taken first. */
export class IdleConnections {
  readonly #idle: Idle[] = [];
  /** One for all of them, for the first that has to go; null while there is none. */
  #deadline: Deadline | null = null;
  #nextAt = Infinity;
  #closed = false;

  /** @param now monotonic ms */
  constructor(readonly limits: IdleLimits, readonly deadlines: Deadlines, readonly now: () => number) {}

  get size(): number {
    return this.#idle.length;
  }

  /**
   * @param owner whose requests it may carry (dial.ts)
   * @param repeatable any age will do
   * @returns null when there is none
   */
  take(owner: string, repeatable: boolean): PooledStream | null {
    for (let index = this.#idle.length - 1; index >= 0; index--) {
      const idle = this.#idle[index]!;
      if (idle.owner !== owner) continue;
      if (!repeatable && this.now() - idle.since > freshMs) return null;
      this.#idle.splice(index, 1);
      return idle.stream;
    }
    return null;
  }

  /** @param keepMs 0 closes it */
  give(stream: PooledStream, owner: string, keepMs: number): void {
    if (stream.closed) return;
    const ms = Math.min(keepMs, this.limits.idleMs);
    if (ms <= 0 || this.#closed || this.#idle.length >= this.limits.maxIdle) return stream.destroy();
    const since = this.now();
    const idle: Idle = { stream, owner, since, until: since + ms };
    this.#idle.push(idle);
    if (idle.until < this.#nextAt) this.#wakeAt(idle.until, since);
    stream.shrink();
    // A backend that closes an idle connection, or sends what nobody asked for, takes it out of the pool.
    stream.watch(() => this.#drop(idle));
  }

  #wakeAt(at: number, now: number): void {
    this.#nextAt = at;
    this.#deadline ??= this.deadlines.open(() => this.#expired());
    this.#deadline.set(Math.max(1, at - now));
  }

  /** Closes those whose time is over, and waits for the next. */
  #expired(): void {
    const now = this.now();
    for (const idle of [...this.#idle]) if (idle.until <= now) this.#drop(idle);
    const next = this.#idle.reduce((first, { until }) => Math.min(first, until), Infinity);
    if (next === Infinity) this.#rest();
    else this.#wakeAt(next, now);
  }

  #rest(): void {
    this.#nextAt = Infinity;
    this.#deadline?.close();
    this.#deadline = null;
  }

  #drop(idle: Idle): void {
    const index = this.#idle.indexOf(idle);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    idle.stream.destroy();
  }

  /** Closes them, and whatever is given back from now on. */
  close(): void {
    this.#closed = true;
    for (const idle of [...this.#idle]) this.#drop(idle);
    this.#rest();
  }
}
