/** What became of a call, as its client tells it. */
import { type Metadata, status } from "@grpc/grpc-js";
import { type ErrorCode, type ErrorFacts, PlatformError } from "@lib/errors/mod.ts";
import { errorTrailer, readFacts } from "./error_facts.ts";

/** Where a failed call was going, for messages. */
export interface Target {
  /** "mcns.v1.RecordService" */
  service: string;
  method: string;
  address: string;
  deadlineMs: number | undefined;
}

/** A failure as grpc-js reports it. */
export interface CallFailure {
  code: number;
  details: string;
  metadata?: Metadata;
}

/**
 * The error of a failed call: what the server threw, when it was one of ours; otherwise the nearest code, with a
 * message that names the service and address.
 */
export function fromWire(failure: CallFailure, target: Target): PlatformError {
  const sent = factsOf(failure.metadata);
  if (sent !== null) return new PlatformError(sent.code, failure.details, { ...sent.facts, cause: failure });
  const at = `${target.service} at ${target.address}`;
  const make = (code: ErrorCode, message: string, more: ErrorFacts = {}) =>
    new PlatformError(code, message, { cause: failure, ...more });
  switch (failure.code) {
    case status.DEADLINE_EXCEEDED:
      return make("unavailable", `${at} did not answer ${target.method} within ${target.deadlineMs ?? "its"} ms`);
    case status.UNAVAILABLE:
      return make("unavailable", `Cannot reach ${at}: ${plainReason(failure.details)}`);
    case status.UNIMPLEMENTED:
      return make("internal", `${at} does not offer ${target.method}; its version may be older than this client's`);
    case status.CANCELLED:
      return make("unavailable", `The call of ${target.method} to ${at} was cancelled`);
    case status.RESOURCE_EXHAUSTED:
      return make(/larger than max/.test(failure.details) ? "too_large" : "rate_limited", failure.details);
    case status.INVALID_ARGUMENT:
      return make("invalid", failure.details);
    case status.NOT_FOUND:
      return make("not_found", failure.details);
    case status.ALREADY_EXISTS:
    case status.ABORTED:
    case status.FAILED_PRECONDITION:
      return make("conflict", failure.details);
    case status.OUT_OF_RANGE:
      return make("too_large", failure.details);
    case status.PERMISSION_DENIED:
      return make("denied", failure.details);
    case status.UNAUTHENTICATED:
      return make("unauthenticated", failure.details);
    default:
      return make("internal", `${at} failed ${target.method}: ${failure.details}`);
  }
}

function factsOf(metadata: Metadata | undefined): ReturnType<typeof readFacts> {
  const value = metadata?.get(errorTrailer)[0];
  return value instanceof Uint8Array ? readFacts(value) : null;
}

/** grpc-js wraps the reason: "No connection established. Last error: Error: … (2026-…Z). Resolution note: ". */
function plainReason(details: string): string {
  const inner = /Last error: (?:Error: )?([\s\S]*?)(?: \(\d{4}-\d\d-\d\dT[\d:.]+Z\))?\.?(?:\s*Resolution note:.*)?$/
    .exec(details)?.[1];
  const reason = (inner === undefined || inner === "null" ? details : inner).trim();
  return /ECONNREFUSED/.test(reason) ? "connection refused, nothing listens there" : reason;
}
