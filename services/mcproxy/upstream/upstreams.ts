/**
 * All backends, and the choice among those of a route.
 * @module
 */
import { messageOf } from "@lib/errors/mod.ts";
import type { Backend } from "../domain/backend.ts";
import { isHostname } from "../domain/hostname.ts";
import type { Route } from "../domain/route.ts";
import type { BackendCall } from "../relay/backend_call.ts";
import { BackendPool, type CallOptions, type Lease, type PoolOptions } from "./backend_pool.ts";
import { type BackendState, backendStates } from "./backend_state.ts";
import { PoolFull } from "./h2_connections.ts";
import { HealthChecks, type Watched, watchKey } from "./health_checks.ts";
import { plainTarget, type Target, targetOf } from "./target.ts";

/** No backend of the route gave a connection; `busy` when all that answer are at their limit. */
export class NoBackend extends Error {
  override readonly name = "NoBackend";
  constructor(readonly busy: boolean, message: string) {
    super(message);
  }
}

/** A backend as a route uses it. */
interface Candidate {
  readonly pool: BackendPool;
  /** Of its health check; "" without one. */
  readonly watch: string;
}

const nobody = { ends: null, hostname: "" };
const fresh: CallOptions = { repeatable: false, fresh: true, webSocket: false, peer: nobody };
const leaseFresh = (pool: BackendPool) => pool.lease(fresh);

/** Pools by target; a backend that several routes name in the same way has one. */
export class Upstreams {
  readonly health: HealthChecks;
  readonly #pools = new Map<string, BackendPool>();
  #byRoute = new WeakMap<Route, readonly Candidate[]>();
  /** Of routes that pass bytes through, by their backends. */
  #plain = new WeakMap<readonly Backend[], readonly Candidate[]>();

  constructor(readonly options: PoolOptions) {
    this.health = new HealthChecks(options.deadlines, options.log);
  }

  /**
   * A connection to pass bytes through, to the backend with the fewest in use; those that refused lately come last. A
   * refused connection is no request sent, so the next backend is tried.
   * @throws NoBackend
   */
  acquire(backends: readonly Backend[]): Promise<Lease> {
    let candidates = this.#plain.get(backends);
    if (candidates === undefined) {
      candidates = backends.map((backend) => ({ pool: this.#pool(plainTarget(backend)), watch: "" }));
      this.#plain.set(backends, candidates);
    }
    return this.#first(this.#ordered(candidates), leaseFresh);
  }

  /**
   * A backend of the route for one HTTP request, chosen likewise; those that fail their health checks come only when all
   * do. Without a promise when a connection to the first choice is at hand.
   * @throws NoBackend
   */
  call(route: Route, options: CallOptions): Promise<BackendCall> | BackendCall {
    const candidates = this.#ordered(this.#candidates(route));
    const now = candidates.length === 0 ? null : candidates[0]!.pool.callNow(options);
    return now ?? this.#first(candidates, (pool) => pool.call(options));
  }

  /** Whom the route's next connection or request would go to, and why; null for a route without backends. */
  next(route: Route): { backend: string; why: string } | null {
    const [first] = route.backends.length === 0 ? [] : this.#ordered(this.#candidates(route));
    if (first === undefined) return null;
    const { pool } = first;
    const others = route.backends.length - 1;
    const why = others === 0 ? "the only one" : `the one with the fewest under way of ${others + 1}`;
    const trouble = pool.failure === "" ? "" : `, though it fails: ${pool.failure}`;
    return { backend: pool.backend.key, why: `${why}, ${pool.active} under way${trouble}` };
  }

  async #first<Result>(
    candidates: readonly Candidate[],
    open: (pool: BackendPool) => Promise<Result>,
  ): Promise<Result> {
    const reasons: string[] = [];
    let busy = 0;
    for (const { pool } of candidates) {
      try {
        return await open(pool);
      } catch (error) {
        if (error instanceof PoolFull) busy++;
        reasons.push(`${pool.backend.key}: ${messageOf(error)}`);
      }
    }
    throw new NoBackend(busy > 0 && busy === candidates.length, reasons.join("; "));
  }

  #ordered(candidates: readonly Candidate[]): readonly Candidate[] {
    if (candidates.length === 1) return candidates;
    const well = candidates.filter(({ watch }) => watch === "" || !this.health.isOut(watch));
    // When all are out the checks may be what is wrong.
    return (well.length === 0 ? [...candidates] : well)
      .sort((a, b) => Number(a.pool.failing) - Number(b.pool.failing) || a.pool.active - b.pool.active);
  }

  #candidates(route: Route): readonly Candidate[] {
    let found = this.#byRoute.get(route);
    if (found === undefined) {
      found = route.backends.map((backend) => {
        const pool = this.#pool(targetOf(backend, route));
        const watched = watchOf(route, pool);
        return { pool, watch: watched === null ? "" : watchKey(watched) };
      });
      this.#byRoute.set(route, found);
    }
    return found;
  }

  #pool(target: Target): BackendPool {
    let pool = this.#pools.get(target.key);
    if (pool === undefined) this.#pools.set(target.key, pool = new BackendPool(target, this.options));
    return pool;
  }

  /** Requests and passed-through connections under way, and idle connections, over all backends. */
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
    const out = new Set(this.health.out);
    return backendStates([...this.#pools.values()].map((pool) => ({
      ...{ backend: pool.backend, active: pool.active, idle: pool.idle },
      failure: pool.failure === "" && out.has(pool.target.key) ? "it fails its health check" : pool.failure,
    })));
  }

  /** Keeps what these routes need: closes the idle connections of other backends, checks the health of theirs. */
  retain(routes: Iterable<Route>): void {
    const keys = new Set<string>();
    const watches: Watched[] = [];
    this.#byRoute = new WeakMap();
    this.#plain = new WeakMap();
    for (const route of routes) {
      for (const backend of route.backends) {
        const target = route.mode === "l4" ? plainTarget(backend) : targetOf(backend, route);
        keys.add(target.key);
        if (route.healthCheck === null) continue;
        const watched = watchOf(route, this.#pool(target));
        if (watched !== null) watches.push(watched);
      }
    }
    for (const [key, pool] of this.#pools) {
      if (keys.has(key)) continue;
      pool.close();
      this.#pools.delete(key);
    }
    this.health.retain(watches);
  }

  close(): void {
    this.retain([]);
  }
}

function watchOf({ healthCheck, hostname }: Route, pool: BackendPool): Watched | null {
  if (healthCheck === null) return null;
  // A new connection each time: one that is kept shows nothing about the next.
  return {
    check: healthCheck,
    host: healthCheck.host ?? (isHostname(hostname) ? hostname : pool.backend.key),
    target: pool.target.key,
    call: () => pool.call(fresh),
  };
}
