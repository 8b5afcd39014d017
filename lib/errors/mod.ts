/**
 * The one error type that services show to their callers, and the tables that
 * map it to HTTP, gRPC and exit codes. Anything else that is thrown is a defect:
 * it is logged whole and shown as "internal error".
 *
 * A message says action, rule and received value, and what to do:
 * `Cannot add CNAME "www": an A record exists at that name`.
 * @module
 */

/** What went wrong, in the caller's terms. */
export type ErrorCode =
  | "invalid"
  | "not_found"
  | "conflict"
  | "unauthenticated"
  | "denied"
  | "unavailable"
  | "sealed"
  | "too_large"
  | "rate_limited"
  | "internal";

/** Facts beside the message. */
export interface ErrorFacts {
  /** The offending field, dotted: `record.name`. */
  field?: string;
  /** The rule that refused, e.g. a policy rule's id. */
  rule?: string;
  /** What to do about it, one sentence. */
  hint?: string;
  /** Seconds after which trying again makes sense. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** An error with a code that callers may rely on and a message fit to show. */
export class PlatformError extends Error {
  override readonly name = "PlatformError";
  readonly code: ErrorCode;
  readonly field?: string;
  readonly rule?: string;
  readonly hint?: string;
  readonly retryAfterSeconds?: number;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    if (facts.field !== undefined) this.field = facts.field;
    if (facts.rule !== undefined) this.rule = facts.rule;
    if (facts.hint !== undefined) this.hint = facts.hint;
    if (facts.retryAfterSeconds !== undefined) this.retryAfterSeconds = facts.retryAfterSeconds;
  }
}

/** Bad input: `field` is what the caller sent, `message` the rule and the value. */
export const invalid = (field: string, message: string, facts: ErrorFacts = {}): PlatformError =>
  new PlatformError("invalid", `${field}: ${message}`, { ...facts, field });

/** Nothing of that name: `notFound("zone", "example.org")`. */
export const notFound = (kind: string, name: string, facts: ErrorFacts = {}): PlatformError =>
  new PlatformError("not_found", `No ${kind} ${quote(name)}`, facts);

/** The state of things forbids it. */
export const conflict = (message: string, facts: ErrorFacts = {}): PlatformError =>
  new PlatformError("conflict", message, facts);

/** Who are you? No token, or one that is not good. */
export const unauthenticated = (message = "Authentication required", facts: ErrorFacts = {}): PlatformError =>
  new PlatformError("unauthenticated", message, facts);

/** Known, but not allowed: `rule` names what refused. */
export const denied = (rule: string, message: string, facts: ErrorFacts = {}): PlatformError =>
  new PlatformError("denied", message, { ...facts, rule });

/** Something that is needed does not answer; trying again may help. */
export const unavailable = (message: string, facts: ErrorFacts = {}): PlatformError =>
  new PlatformError("unavailable", message, facts);

/** The barrier is closed. */
export const sealed = (message = "Metacrypt is sealed; unseal it with its password"): PlatformError =>
  new PlatformError("sealed", message);

/** More than the stated limit. */
export const tooLarge = (what: string, limitBytes: number, facts: ErrorFacts = {}): PlatformError =>
  new PlatformError("too_large", `${what} is larger than ${limitBytes} bytes`, facts);

/** Too often; `retryAfterSeconds` says when again. */
export const rateLimited = (message: string, retryAfterSeconds: number): PlatformError =>
  new PlatformError("rate_limited", message, { retryAfterSeconds });

/** A value as it is shown inside a message: quoted, cut at 80 characters, control characters escaped. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? value : String(value);
  const cut = text.length > 80 ? text.slice(0, 77) + "…" : text;
  return JSON.stringify(cut);
}

interface Mapping {
  http: number;
  /** gRPC status code number (grpc/status.h). */
  grpc: number;
  exit: number;
  title: string;
}

/** The one table from error code to the outside. */
export const errorTable: Readonly<Record<ErrorCode, Mapping>> = {
  invalid: { http: 400, grpc: 3, exit: 2, title: "Invalid request" },
  not_found: { http: 404, grpc: 5, exit: 1, title: "Not found" },
  conflict: { http: 409, grpc: 9, exit: 1, title: "Conflict" },
  unauthenticated: { http: 401, grpc: 16, exit: 1, title: "Unauthenticated" },
  denied: { http: 403, grpc: 7, exit: 1, title: "Denied" },
  unavailable: { http: 503, grpc: 14, exit: 1, title: "Unavailable" },
  sealed: { http: 503, grpc: 14, exit: 1, title: "Sealed" },
  too_large: { http: 413, grpc: 11, exit: 2, title: "Too large" },
  rate_limited: { http: 429, grpc: 8, exit: 1, title: "Too many requests" },
  internal: { http: 500, grpc: 13, exit: 1, title: "Internal error" },
};

/** Narrows to `PlatformError`; anything else becomes "internal error" with the original as cause. */
export function toPlatformError(error: unknown): PlatformError {
  return error instanceof PlatformError
    ? error
    : new PlatformError("internal", "Internal error; the service's log has the details", { cause: error });
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
