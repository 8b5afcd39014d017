/**
 * How backends are, for an operator and the metrics.
 * @module
 */

export interface BackendState {
  /** "host:port". */
  readonly backend: string;
  readonly active: number;
  readonly idle: number;
  /** The last connection wasn't taken, or the health check fails. */
  readonly failing: boolean;
  /** Why it counts as failing; "" when it doesn't. */
  readonly reason: string;
}

/** Of one way to speak to a backend. */
interface Pool {
  readonly backend: { readonly key: string };
  readonly active: number;
  readonly idle: number;
  /** Why the last connection couldn't be made; "" when it could. */
  readonly failure: string;
}

/** One for each backend, however many ways there are to speak to it; in the order of their first use. */
export function backendStates(pools: Iterable<Pool>): BackendState[] {
  const states = new Map<string, BackendState>();
  for (const { backend: { key }, active, idle, failure } of pools) {
    const other = states.get(key);
    const reason = failure === "" ? other?.reason ?? "" : failure;
    states.set(key, {
      backend: key,
      active: active + (other?.active ?? 0),
      idle: idle + (other?.idle ?? 0),
      failing: reason !== "",
      reason,
    });
  }
  return [...states.values()];
}
