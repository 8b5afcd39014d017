import { type Clock, rfc3339 } from "@lib/clock/mod.ts";
import { conflict, quote } from "@lib/errors/mod.ts";

/** One change of a service at a time. */
export class Locks {
  readonly #held = new Map<string, { what: string; actor: string; since: number; done: Promise<void> }>();

  constructor(readonly clock: Clock) {}

  /** Whether a change of the service is under way. */
  isHeld(service: string): boolean {
    return this.#held.has(service);
  }

  /** Resolves when no change is under way any more. */
  async idle(): Promise<void> {
    while (this.#held.size > 0) await Promise.all([...this.#held.values()].map(({ done }) => done));
  }

  /** Runs `work` as the only change of the service. @param what a verb, "deploy" @throws PlatformError conflict while another is under way */
  async with<T>(service: string, what: string, actor: string, work: () => Promise<T>): Promise<T> {
    const holder = this.#held.get(service);
    if (holder !== undefined) {
      throw conflict(
        `Cannot ${what} ${quote(service)} now: ${holder.what} by ${holder.actor} is under way since ${
          rfc3339(holder.since)
        }`,
        { hint: "Wait until that has ended, then repeat the command" },
      );
    }
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#held.set(service, { what, actor, since: this.clock.now(), done });
    try {
      return await work();
    } finally {
      this.#held.delete(service);
      resolve();
    }
  }
}
