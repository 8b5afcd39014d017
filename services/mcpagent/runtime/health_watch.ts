import type { HealthState } from "../domain/states.ts";
import { pause } from "./pause.ts";
import { probe, type ProbeTarget } from "./probe.ts";

export interface HealthSettings {
  /** Whom to ask; null: a process that stays up for a second is well. */
  readonly target: ProbeTarget | null;
  /** Between two checks once it is healthy, ms. */
  readonly intervalMs: number;
  /** So many failures in a row make a healthy one unhealthy. */
  readonly retries: number;
  /** Until the first good check, ms. */
  readonly startMs: number;
}

export interface HealthWatchOptions {
  /** Answers of a process that started before this (ms since the epoch) don't count; null: all do. */
  readonly startedAfter: number | null;
  readonly onChange: (state: "healthy" | "unhealthy", detail: string) => void;
}

/** A process whose health nothing tells is well when it is still there after this. */
const staysUpMs = 1_000;
/** Between checks while it starts: most programs are up within 100 ms. */
const startIntervalMs = 50;

/** Asks one process after its health until `stop`. */
export class HealthWatch {
  /** Resolves once: null when healthy, else what went wrong, to follow "Component x of y". */
  readonly first: Promise<string | null>;
  state: HealthState = "unknown";
  readonly #settings: HealthSettings;
  readonly #options: HealthWatchOptions;
  readonly #stopped = new AbortController();
  readonly #loop: Promise<void>;
  #settleFirst: (fault: string | null) => void = () => {};

  constructor(settings: HealthSettings, options: HealthWatchOptions) {
    this.#settings = settings;
    this.#options = options;
    this.first = new Promise((resolve) => this.#settleFirst = resolve);
    this.#loop = this.#run();
  }

  /** @param fault what `first` gives when it hasn't been given yet */
  async stop(fault: string): Promise<void> {
    this.#stopped.abort();
    this.#settleFirst(fault);
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { target, startMs, intervalMs, retries } = this.#settings;
    const signal = this.#stopped.signal;
    if (target === null) {
      await pause(staysUpMs, signal);
      if (!signal.aborted) this.#change("healthy", "stays up");
      return;
    }
    const since = performance.now();
    const deadline = since + startMs;
    let failures = 0;
    while (!signal.aborted) {
      const result = await probe(target, signal);
      if (signal.aborted) return;
      const { startedAfter } = this.#options;
      const other = this.state === "unknown" && startedAfter !== null &&
        // An answer that doesn't say whose it is counts once the process has been up for a while.
        (result.startedAt === null ? performance.now() - since < staysUpMs : result.startedAt < startedAfter);
      if (result.ok && !other) {
        failures = 0;
        if (this.state !== "healthy") this.#change("healthy", "");
      } else {
        failures++;
        const detail = other ? "the process before it still answers" : result.detail;
        if (this.state === "unknown" && performance.now() >= deadline) {
          this.#change("unhealthy", `is not healthy within ${startMs} ms: ${detail}`);
        } else if (this.state === "healthy" && failures >= retries) {
          this.#change("unhealthy", `failed ${failures} health checks: ${detail}`);
        }
      }
      await pause(this.state === "unknown" ? startIntervalMs : intervalMs, signal);
    }
  }

  #change(state: "healthy" | "unhealthy", detail: string): void {
    this.state = state;
    this.#settleFirst(state === "healthy" ? null : detail);
    this.#options.onChange(state, detail);
  }
}
