/** When a process that ended is started again. */
export type RestartPolicy = "always" | "unless-stopped" | "on-failure" | "no";

/** How an ended process is retried. */
export interface BackOff {
  /** Before the first restart, ms. */
  readonly firstMs: number;
  /** The longest wait, ms. */
  readonly maxMs: number;
  /** A process that was up so long counts as well again, ms. */
  readonly resetAfterMs: number;
}

/** 0.5, 1, 2, … 60 s: a crash loop costs one start a minute, a single crash half a second. */
export const defaultBackOff: BackOff = { firstMs: 500, maxMs: 60_000, resetAfterMs: 60_000 };

/** Whether an exit is followed by a restart. Being stopped on request is not an exit in this sense. */
export function restartsAfter(policy: RestartPolicy, success: boolean): boolean {
  return policy === "always" || policy === "unless-stopped" || (policy === "on-failure" && !success);
}

/** The wait before restart number `failures` (1 is the first), ms: doubled each time up to the longest. */
export function backOffMs(backOff: BackOff, failures: number): number {
  return Math.min(backOff.maxMs, backOff.firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}
