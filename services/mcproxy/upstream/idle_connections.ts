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
  readonly deadline: Deadline;
}

export interface IdleLimits {
  maxIdle: number;
  idleMs: number;
}

/** See the module; the last used is taken first. */
export class IdleConnections {
  readonly #idle: Idle[] = [];
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
      idle.deadline.close();
      return idle.stream;
    }
    return null;
  }

  /** @param keepMs 0 closes it */
  give(stream: PooledStream, owner: string, keepMs: number): void {
    if (stream.closed) return;
    const ms = Math.min(keepMs, this.limits.idleMs);
    if (ms <= 0 || this.#closed || this.#idle.length >= this.limits.maxIdle) return stream.destroy();
    const idle: Idle = { stream, owner, since: this.now(), deadline: this.deadlines.open(() => this.#drop(idle)) };
    idle.deadline.set(ms);
    this.#idle.push(idle);
    stream.shrink();
    // A backend that closes an idle connection, or sends what nobody asked for, takes it out of the pool.
    stream.watch(() => this.#drop(idle));
  }

  #drop(idle: Idle): void {
    const index = this.#idle.indexOf(idle);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    idle.deadline.close();
    idle.stream.destroy();
  }

  /** Closes them, and whatever is given back from now on. */
  close(): void {
    this.#closed = true;
    for (const idle of [...this.#idle]) this.#drop(idle);
  }
}
