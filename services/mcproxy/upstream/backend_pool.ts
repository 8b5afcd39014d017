/**
 * Connections to one backend: those in use are counted, idle ones kept for the next request.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Backend } from "../domain/backend.ts";
import { ConnStream } from "../stream/conn_stream.ts";
import type { Deadline, Deadlines } from "../stream/deadlines.ts";

/** Bounds of every pool. */
export interface UpstreamLimits {
  connectTimeoutMs: number;
  /** Connections to one backend at once; above, requests are refused with 503. */
  maxConnections: number;
  /** Idle connections kept per backend. */
  maxIdle: number;
  /** How long an idle connection is kept, unless the backend asks for less. */
  idleMs: number;
}

/** A request that can't be sent twice takes only a connection used this recently: one idle longer may just be closing. */
const freshMs = 1000;
/** A backend that refused a connection is asked last for this long. */
const failedMs = 5000;

/** A connection lent out, until `release`. */
export interface Lease {
  readonly stream: ConnStream;
  readonly backend: Backend;
  /** It carried requests before: that it breaks now may be no fault of this one. */
  readonly reused: boolean;
  /**
   * Gives it back; only the first call counts.
   * @param keepMs how long it may be used again; 0 closes it
   */
  release(keepMs: number): void;
}

interface Idle {
  stream: ConnStream;
  since: number;
  deadline: Deadline;
}

/** See the module. */
export class BackendPool {
  /** Connections lent out or being made. */
  active = 0;
  /** When the last connection attempt failed, by the monotonic clock; −Infinity when the last one succeeded. */
  #failedAt = -Infinity;
  /** Why the last connection couldn't be made; "" when it could. */
  failure = "";
  readonly #idle: Idle[] = [];
  #closed = false;

  constructor(
    readonly backend: Backend,
    readonly limits: UpstreamLimits,
    readonly deadlines: Deadlines,
    readonly clock: Clock,
    readonly log: Logger,
  ) {}

  get idle(): number {
    return this.#idle.length;
  }

  /** Refused a connection lately. */
  get failing(): boolean {
    return this.clock.monotonic() - this.#failedAt < failedMs;
  }

  get full(): boolean {
    return this.active >= this.limits.maxConnections;
  }

  /** An idle connection, the last used first; null when there is none. */
  takeIdle(repeatable: boolean): Lease | null {
    const last = this.#idle.at(-1);
    if (last === undefined || (!repeatable && this.clock.monotonic() - last.since > freshMs)) return null;
    this.#idle.pop();
    last.deadline.close();
    this.active++;
    return this.#lease(last.stream, true);
  }

  /**
   * A new connection.
   * @throws Error with the system's reason, or after `connectTimeoutMs`
   */
  async connect(): Promise<Lease> {
    const { hostname, port, key } = this.backend;
    const abort = new AbortController();
    const deadline = this.deadlines.open(() => abort.abort());
    deadline.set(this.limits.connectTimeoutMs);
    this.active++;
    try {
      const connection = await Deno.connect({ hostname, port, signal: abort.signal });
      connection.setNoDelay(true);
      if (this.#failedAt !== -Infinity) this.log.info("Backend answers again", { backend: key });
      this.#failedAt = -Infinity;
      this.failure = "";
      return this.#lease(new ConnStream(connection), false);
    } catch (error) {
      this.active--;
      const reason = abort.signal.aborted
        ? new Error(`no connection within ${this.limits.connectTimeoutMs} ms`)
        : error;
      if (this.#failedAt === -Infinity) {
        this.log.warn("Backend doesn't take connections", { backend: key, reason: messageOf(reason) });
      }
      this.#failedAt = this.clock.monotonic();
      this.failure = messageOf(reason);
      throw reason;
    } finally {
      deadline.close();
    }
  }

  #lease(stream: ConnStream, reused: boolean): Lease {
    let released = false;
    return {
      stream,
      backend: this.backend,
      reused,
      release: (keepMs) => {
        if (released) return;
        released = true;
        this.active--;
        this.#keep(stream, Math.min(keepMs, this.limits.idleMs));
      },
    };
  }

  #keep(stream: ConnStream, keepMs: number): void {
    if (stream.closed) return;
    if (keepMs <= 0 || this.#closed || this.#idle.length >= this.limits.maxIdle) return stream.destroy();
    const idle: Idle = {
      stream,
      since: this.clock.monotonic(),
      deadline: this.deadlines.open(() => this.#drop(idle)),
    };
    idle.deadline.set(keepMs);
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

  /** Closes the idle connections; those in use are closed when they come back. */
  close(): void {
    this.#closed = true;
    for (const idle of [...this.#idle]) this.#drop(idle);
  }
}
