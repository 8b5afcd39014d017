/** What became of a call: for metrics and access logs. */
import { systemClock } from "@lib/clock/mod.ts";
import { type ErrorCode, PlatformError, toPlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Call, Transport } from "./call.ts";

export interface Observation {
  /** "mcns.v1.ZoneService.CreateZone" */
  operation: string;
  transport: Transport;
  /** "cancelled": the caller hung up, or its deadline passed, before the end. */
  code: "ok" | "cancelled" | ErrorCode;
  durationMs: number;
  requestId: string;
  remote: string;
  /** Null when nobody was authenticated. */
  username: string | null;
}

/** Told once per call, when it has ended. Must not throw. */
export type Observe = (observation: Observation) => void;

/** Follows one call to its end, for its transport: tells the observer once, and turns errors into what may be shown. */
export class CallRecord {
  readonly #operation: string;
  readonly #call: Call;
  readonly #log: Logger;
  readonly #observe: Observe | undefined;
  readonly #startedAt = systemClock.monotonic();
  #ended = false;

  constructor(operation: string, call: Call, log: Logger, observe: Observe | undefined) {
    this.#operation = operation;
    this.#call = call;
    this.#log = log;
    this.#observe = observe;
  }

  /** The call has ended well, or nobody waits for its end any more. */
  ended(): void {
    this.#tell("ok");
  }

  /**
   * The error as the caller sees it. Defects (anything but a `PlatformError`, and internal ones) are logged whole, with
   * the request id under which the caller can ask for them; what a handler throws because its caller is gone is none.
   */
  failed(error: unknown): PlatformError {
    if (this.#call.signal.aborted && !(error instanceof PlatformError)) {
      this.#tell("cancelled");
      return new PlatformError("unavailable", "The call was cancelled", { cause: error });
    }
    const shown = toPlatformError(error);
    if (shown.code === "internal") {
      const cause = shown.cause ?? shown;
      this.#log.error("operation failed", {
        operation: this.#operation,
        request_id: this.#call.requestId,
        error: cause instanceof Error ? cause.stack ?? cause.message : String(cause),
      });
    }
    this.#tell(shown.code);
    return shown;
  }

  #tell(code: Observation["code"]): void {
    if (this.#ended) return;
    this.#ended = true;
    const { requestId, remote, caller, transport, signal } = this.#call;
    this.#observe?.({
      operation: this.#operation,
      transport,
      code: signal.aborted ? "cancelled" : code,
      durationMs: systemClock.monotonic() - this.#startedAt,
      requestId,
      remote,
      username: caller?.username ?? null,
    });
  }
}
