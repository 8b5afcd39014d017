/**
 * Errors on the wire. The gRPC status code is the one of lib/errors' table; several
 * of our codes share one, so the exact code and the facts beside the message travel
 * in a trailer of their own, which other clients ignore.
 */
import { Metadata, status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { type ErrorCode, type ErrorFacts, errorTable, PlatformError } from "@lib/errors/mod.ts";

/** JSON in UTF-8: code, field, rule, hint, retry_after_seconds. Binary, because hints may hold any character. */
const trailer = "metacircular-error-bin";

// Peers refuse header blocks above 8 to 16 KiB, and grpc-message is percent-encoded (up to threefold).
const maxMessageLength = 2000;
const maxFactLength = 500;

interface Facts {
  code: ErrorCode;
  field?: string;
  rule?: string;
  hint?: string;
  retry_after_seconds?: number;
}

/** What a server sends for an error. The message of an internal one stays inside. */
export interface WireStatus {
  code: number;
  details: string;
  metadata: Metadata;
}

/** The error as a gRPC status with our trailer. */
export function wireStatus(error: PlatformError): WireStatus {
  const facts: Facts = {
    code: error.code,
    ...(error.field === undefined ? {} : { field: cut(error.field, maxFactLength) }),
    ...(error.rule === undefined ? {} : { rule: cut(error.rule, maxFactLength) }),
    ...(error.hint === undefined ? {} : { hint: cut(error.hint, maxFactLength) }),
    ...(error.retryAfterSeconds === undefined ? {} : { retry_after_seconds: error.retryAfterSeconds }),
  };
  const metadata = new Metadata();
  metadata.set(trailer, Buffer.from(JSON.stringify(facts)));
  const details = error.code === "internal"
    ? "Internal error; the service's log has the details under this request id"
    : cut(error.message, maxMessageLength);
  return { code: errorTable[error.code].grpc, details, metadata };
}

const cut = (text: string, length: number): string => text.length > length ? text.slice(0, length - 1) + "…" : text;

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
  const facts = factsOf(failure.metadata);
  if (facts !== null) return new PlatformError(facts.code, failure.details, factsBeside(facts, failure));
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

function factsBeside(facts: Facts, cause: unknown): ErrorFacts {
  return {
    cause,
    ...(facts.field === undefined ? {} : { field: facts.field }),
    ...(facts.rule === undefined ? {} : { rule: facts.rule }),
    ...(facts.hint === undefined ? {} : { hint: facts.hint }),
    ...(facts.retry_after_seconds === undefined ? {} : { retryAfterSeconds: facts.retry_after_seconds }),
  };
}

function factsOf(metadata: Metadata | undefined): Facts | null {
  const value = metadata?.get(trailer)[0];
  if (!(value instanceof Uint8Array)) return null;
  try {
    const facts = JSON.parse(new TextDecoder().decode(value)) as Partial<Facts>;
    return typeof facts.code === "string" && facts.code in errorTable ? facts as Facts : null;
  } catch {
    return null;
  }
}

/** grpc-js wraps the reason: "No connection established. Last error: Error: … (2026-…Z). Resolution note: ". */
function plainReason(details: string): string {
  const inner = /Last error: (?:Error: )?([\s\S]*?)(?: \(\d{4}-\d\d-\d\dT[\d:.]+Z\))?\.?(?:\s*Resolution note:.*)?$/
    .exec(details)?.[1];
  const reason = (inner === undefined || inner === "null" ? details : inner).trim();
  return /ECONNREFUSED/.test(reason) ? "connection refused, nothing listens there" : reason;
}
