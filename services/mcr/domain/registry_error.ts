import { type ErrorCode, type ErrorFacts, PlatformError, quote } from "@lib/errors/mod.ts";

/**
 * Error codes of the OCI distribution specification 1.1 ("Error Codes"), and of
 * Docker's registry where that has none: UNAVAILABLE and UNKNOWN, which the
 * same clients understand.
 */
export type RegistryCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "UNAUTHORIZED"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS"
  | "UNAVAILABLE"
  | "UNKNOWN";

/** HTTP status and platform code of each, unless an error says otherwise. */
const table: Readonly<Record<RegistryCode, { status: number; code: ErrorCode }>> = {
  BLOB_UNKNOWN: { status: 404, code: "not_found" },
  BLOB_UPLOAD_INVALID: { status: 400, code: "invalid" },
  BLOB_UPLOAD_UNKNOWN: { status: 404, code: "not_found" },
  DIGEST_INVALID: { status: 400, code: "invalid" },
  MANIFEST_BLOB_UNKNOWN: { status: 404, code: "not_found" },
  MANIFEST_INVALID: { status: 400, code: "invalid" },
  MANIFEST_UNKNOWN: { status: 404, code: "not_found" },
  NAME_INVALID: { status: 400, code: "invalid" },
  NAME_UNKNOWN: { status: 404, code: "not_found" },
  SIZE_INVALID: { status: 400, code: "invalid" },
  UNAUTHORIZED: { status: 401, code: "unauthenticated" },
  DENIED: { status: 403, code: "denied" },
  UNSUPPORTED: { status: 405, code: "invalid" },
  TOOMANYREQUESTS: { status: 429, code: "rate_limited" },
  UNAVAILABLE: { status: 503, code: "unavailable" },
  UNKNOWN: { status: 500, code: "internal" },
};

export interface RegistryFacts extends ErrorFacts {
  /** Replaces the code's usual HTTP status. */
  status?: number;
  /** Goes into the answer's `detail`. */
  detail?: unknown;
  /** Further headers of the answer. */
  headers?: Record<string, string>;
  /** What else is wrong, each an entry of its own in the answer's list. */
  also?: RegistryError[];
}

/** A refusal in the registry protocol's terms; over gRPC and REST it is the platform error of the same meaning. */
export class RegistryError extends PlatformError {
  readonly registryCode: RegistryCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Record<string, string>;
  readonly also: RegistryError[];

  constructor(registryCode: RegistryCode, message: string, facts: RegistryFacts = {}) {
    super(table[registryCode].code, message, facts);
    this.registryCode = registryCode;
    this.status = facts.status ?? table[registryCode].status;
    this.detail = facts.detail;
    this.headers = facts.headers ?? {};
    this.also = facts.also ?? [];
  }
}

/** For an upload that never was, is finished, was cancelled or has expired. */
export function uploadUnknown(id: string): RegistryError {
  return new RegistryError("BLOB_UPLOAD_UNKNOWN", `No upload ${quote(id)} in this repository; begin again`);
}
