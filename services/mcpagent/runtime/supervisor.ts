/**
 * Keeps one component running: starts it, asks after its health, starts it again with
 * growing waits when it ends, stops it. A component on trial (a deploy under way) is
 * not started again: its end fails the deploy.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf, unavailable } from "@lib/errors/mod.ts";
import { type BackOff, backOffMs, type RestartPolicy, restartsAfter } from "../domain/restart.ts";
import type { ComponentState, HealthState } from "../domain/states.ts";
import type { ChildProcess, ExitStatus, ProcessDriver, ProcessSpec } from "./deno_driver.ts";
import { type HealthSettings, HealthWatch } from "./health_watch.ts";
import type { LogFile } from "./log_file.ts";
import { pause } from "./pause.ts";

export interface SupervisorOptions {
  readonly service: string;
  readonly component: string;
  readonly driver: ProcessDriver;
  /** Works out the command anew for every start: its config may have changed. */
  readonly prepare: () => ProcessSpec;
  readonly restart: RestartPolicy;
  readonly backOff: BackOff;
  /** Between SIGTERM and SIGKILL, ms. */
  readonly stopTimeoutMs: number;
  readonly health: HealthSettings;
  /** Another process answers at the same addresses until this one has taken over. */
  readonly overlaps: boolean;
  readonly output: LogFile;
  readonly clock: Clock;
  readonly onEvent: (kind: SupervisorEvent, detail: string) => void;
}

export type SupervisorEvent = "started" | "exited" | "healthy" | "unhealthy" | "killed";

/** What is known of a component now. */
export interface Observed {
  readonly state: ComponentState;
  readonly health: HealthState;
  /** 0 while no process runs. */
  readonly pid: number;
  /** Milliseconds since the epoch; null while no process runs. */
  readonly startedAt: number | null;
  readonly restarts: number;
  readonly lastExitCode: number | null;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | null = null;
  #watch: HealthWatch | null = null;
  #state: ComponentState = "stopped";
  #startedAt: number | null = null;
  #restarts = 0;
  #lastExit: ExitStatus | null = null;
  #onTrial: boolean;
  #running: Promise<void> | null = null;

  /** @param onTrial see the module; `confirm` ends it */
  constructor(options: SupervisorOptions, onTrial: boolean) {
    this.#options = options;
    this.#onTrial = onTrial;
  }

  observed(): Observed {
    return {
      state: this.#state,
      health: this.#watch?.state ?? "unknown",
      pid: this.#child?.pid ?? 0,
      startedAt: this.#startedAt,
      restarts: this.#restarts,
      lastExitCode: this.#lastExit?.code ?? null,
    };
  }

  /** Starts the component and keeps it running until `stop`. Call once. */
  start(): void {
    this.#running = this.#run();
  }

  /**
   * Resolves at the first good health check of the process that runs now.
   * @throws PlatformError unavailable when it ends before, or is not healthy within the definition's start time;
   *   the message has its last lines; or when the signal aborts
   */
  async healthy(signal: AbortSignal): Promise<void> {
    const watch = this.#watch;
    const fault = watch === null ? this.#endText() : await unlessAborted(watch.first, signal);
    if (fault === null) return;
    const said = this.#options.output.tail(10).map(({ line }) => `\n  ${line}`).join("");
    const { service, component } = this.#options;
    throw unavailable(
      `Component ${component} of ${service} ${this.#child === null ? this.#endText() : fault}${
        said === "" ? "; it printed nothing" : `; its last lines:${said}`
      }`,
      { hint: `mcp logs ${service} has more` },
    );
  }

  /** Ends the trial: from now on it is started again as its policy says. */
  confirm(): void {
    this.#onTrial = false;
    if (this.#child === null && !this.#stopping.signal.aborted && this.#state === "failed") this.start();
  }

  /** SIGTERM, and SIGKILL after the stop time-out. Resolves when the process is gone; may be called again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    if (child !== null) {
      child.signal("SIGTERM");
      const kill = setTimeout(() => {
        this.#options.onEvent("killed", `did not end within ${this.#options.stopTimeoutMs} ms of SIGTERM`);
        child.signal("SIGKILL");
      }, this.#options.stopTimeoutMs);
      await child.exited;
      clearTimeout(kill);
    }
    await this.#running;
    this.#state = "stopped";
  }

  async #run(): Promise<void> {
    const { clock, backOff, restart } = this.#options;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const since = clock.monotonic();
      const status = await this.#once();
      if (this.#stopping.signal.aborted) return;
      this.#lastExit = status;
      this.#options.onEvent("exited", this.#endText());
      if (this.#onTrial || !restartsAfter(restart, status.code === 0)) {
        this.#state = status.code === 0 && !this.#onTrial ? "stopped" : "failed";
        return;
      }
      failures = clock.monotonic() - since >= backOff.resetAfterMs ? 1 : failures + 1;
      this.#state = "backoff";
      await pause(backOffMs(backOff, failures), this.#stopping.signal);
      this.#restarts++;
    }
  }

  /** One process from start to end. */
  async #once(): Promise<ExitStatus> {
    const { driver, prepare, output, clock, onEvent } = this.#options;
    this.#state = "starting";
    let child: ChildProcess;
    try {
      child = driver.spawn(prepare(), (lines) => output.append(lines));
    } catch (error) {
      // A config that can't be read, a symlink in its folder, no binary: it may be mended while we wait.
      output.append([`mcpagent: ${messageOf(error)}`]);
      return { code: 127, signal: null };
    }
    this.#child = child;
    this.#startedAt = clock.now();
    onEvent("started", `pid ${child.pid}`);
    const watch = new HealthWatch(this.#options.health, {
      startedAfter: this.#options.overlaps ? this.#startedAt : null,
      onChange: (state, detail) => {
        if (state === "healthy") this.#state = "running";
        onEvent(state, detail);
      },
    });
    this.#watch = watch;
    const status = await child.exited;
    this.#child = null;
    this.#startedAt = null;
    this.#lastExit = status;
    await watch.stop(this.#endText());
    this.#watch = null;
    return status;
  }

  #endText(): string {
    if (this.#lastExit === null) return "did not start";
    const { code, signal } = this.#lastExit;
    return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  }
}

/** What `fault` gives, or that nobody waits any more. */
async function unlessAborted(fault: Promise<string | null>, signal: AbortSignal): Promise<string | null> {
  const { promise: aborted, resolve } = Promise.withResolvers<string>();
  const abort = () => resolve("was still starting when the agent was told to end");
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([fault, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
