/**
 * All backends, and the choice among those of a route.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Backend } from "../domain/backend.ts";
import type { Route } from "../domain/route.ts";
import { H1Call } from "../h1/backend_call.ts";
import type { Endpoint } from "../proxy_protocol/mod.ts";
import type { BackendCall } from "../relay/backend_call.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import { type BackendState, backendStates } from "./backend_state.ts";
import { BackendPool, type Lease, type UpstreamLimits } from "./backend_pool.ts";

/** No backend of the route gave a connection; `busy` when all that answer are at their limit. */
export class NoBackend extends Error {
  override readonly name = "NoBackend";
  constructor(readonly busy: boolean, message: string) {
    super(message);
  }
}

/** What a request needs of its connection. */
export interface CallOptions {
  /** It may be sent again, so any idle connection will do. */
  repeatable: boolean;
  /** No connection that has carried requests. */
  fresh: boolean;
  webSocket: boolean;
  /** Whose request it is: for PROXY headers. */
  peer: { readonly source: Endpoint; readonly destination: Endpoint };
  /** The name that the client asked for. */
  hostname: string;
}

/** Pools by backend address; a backend that several routes name has one. */
export class Upstreams {
  readonly #pools = new Map<string, BackendPool>();

  constructor(
    readonly limits: UpstreamLimits,
    readonly deadlines: Deadlines,
    readonly clock: Clock,
    readonly log: Logger,
  ) {}

  /**
   * A connection to the backend with the fewest in use; those that refused lately come last. A refused connection is
   * no request sent, so the next backend is tried whatever the request is.
   * @param options `repeatable`: the request may be sent again, so any idle connection will do; `fresh`: no idle one
   * @throws NoBackend
   */
  async acquire(backends: readonly Backend[], options: { repeatable: boolean; fresh: boolean }): Promise<Lease> {
    const pools = this.#ordered(backends);
    const reasons: string[] = [];
    let busy = 0;
    for (const pool of pools) {
      if (pool.full) {
        busy++;
        reasons.push(`${pool.backend.key}: ${pool.active} connections in use`);
        continue;
      }
      const idle = options.fresh ? null : pool.takeIdle(options.repeatable);
      if (idle !== null) return idle;
      try {
        return await pool.connect();
      } catch (error) {
        reasons.push(`${pool.backend.key}: ${messageOf(error)}`);
      }
    }
    throw new NoBackend(busy > 0 && busy === pools.length, reasons.join("; "));
  }

  /**
   * A backend of the route for one HTTP request.
   * @throws NoBackend
   */
  async call(route: Route, options: CallOptions): Promise<BackendCall> {
    return new H1Call(await this.acquire(route.backends, options));
  }

  #ordered(backends: readonly Backend[]): BackendPool[] {
    const pools = backends.map((backend) => this.#pool(backend));
    if (pools.length === 1) return pools;
    return pools.sort((a, b) => Number(a.failing) - Number(b.failing) || a.active - b.active);
  }

  #pool(backend: Backend): BackendPool {
    let pool = this.#pools.get(backend.key);
    if (pool === undefined) {
      pool = new BackendPool(backend, this.limits, this.deadlines, this.clock, this.log);
      this.#pools.set(backend.key, pool);
    }
    return pool;
  }

  /** Connections in use and idle, over all backends. */
  counts(): { active: number; idle: number } {
    let active = 0;
    let idle = 0;
    for (const pool of this.#pools.values()) {
      active += pool.active;
      idle += pool.idle;
    }
    return { active, idle };
  }

  /** Of every backend that was asked since a route names it. */
  states(): BackendState[] {
    return backendStates(this.#pools.values());
  }

  /** Closes the idle connections of backends that no route names any more. */
  retain(keys: ReadonlySet<string>): void {
    for (const [key, pool] of this.#pools) {
      if (keys.has(key)) continue;
      pool.close();
      this.#pools.delete(key);
    }
  }

  close(): void {
    this.retain(new Set());
  }
}
