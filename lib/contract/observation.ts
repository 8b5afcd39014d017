/** What became of a call: for metrics and access logs. */
import { type ErrorCode, type PlatformError, toPlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";

export interface Observation {
  /** "mcns.v1.ZoneService.CreateZone" */
  operation: string;
  transport: "grpc" | "rest";
  code: "ok" | ErrorCode;
  durationMs: number;
  requestId: string;
  remote: string;
  /** Null when nobody was authenticated. */
  username: string | null;
}

/** Told once per call, when it has ended. Must not throw. */
export type Observe = (observation: Observation) => void;

/**
 * The error a caller sees. Defects (anything but a `PlatformError`, and internal ones) are logged whole here, with
 * the request id under which the caller can ask for them.
 */
export function shownError(
  error: unknown,
  log: Logger,
  fields: { operation: string; requestId: string },
): PlatformError {
  const shown = toPlatformError(error);
  if (shown.code === "internal") {
    const cause = shown.cause ?? shown;
    log.error("operation failed", {
      ...fields,
      error: cause instanceof Error ? cause.stack ?? cause.message : String(cause),
    });
  }
  return shown;
}
