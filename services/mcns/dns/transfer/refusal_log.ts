/** What others were refused, for operators: in the log, though not as often as others like. */
import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";

/** Lines at once, and a second after that: who sets up a server sees each line, a flood doesn't fill the disk. */
const burst = 50;
const perSecond = 1;

/** Over UDP anybody can have something refused, from any address and as often as the network takes it. */
export class RefusalLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  #left = burst;
  /** When `#left` was counted, ms monotonic. */
  #at: number;
  #untold = 0;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#at = clock.monotonic();
  }

  /** Writes a line, with the number of those before it that were left out (`untold`); or leaves it out. */
  tell(message: string, fields: Record<string, unknown>): void {
    const now = this.#clock.monotonic();
    this.#left = Math.min(burst, this.#left + (now - this.#at) * perSecond / 1000);
    this.#at = now;
    if (this.#left < 1) {
      this.#untold++;
      return;
    }
    this.#left--;
    this.#log.info(message, this.#untold === 0 ? fields : { ...fields, untold: this.#untold });
    this.#untold = 0;
  }
}
