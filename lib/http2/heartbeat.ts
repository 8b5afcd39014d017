/**
 * The one timer of all connections: no stream and no connection has its own.
 * @module
 */

/** Time-outs are looked at this often, ms: each fires at most this much late. */
const periodMs = 500;

const beating = new Set<{ tick(): void }>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Has `tick` called until it leaves. The timer runs only while anything is in. */
export function joinHeartbeat(member: { tick(): void }): void {
  beating.add(member);
  timer ??= setInterval(() => {
    for (const each of beating) each.tick();
  }, periodMs);
}

export function leaveHeartbeat(member: { tick(): void }): void {
  beating.delete(member);
  if (beating.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
