/** Errors as HTTP shows them: problem details (RFC 9457) with the platform's code, field, rule and hint. */
import { type ErrorCode, errorTable, type PlatformError } from "@lib/errors/mod.ts";

/** The body of an error response, and the `error` line that ends a failed stream. */
export interface Problem {
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  field?: string;
  rule?: string;
  hint?: string;
  request_id: string;
}

const hidden = "Internal error; the service's log has the details under this request id";

/** What a caller may see of an error; the message of an internal one stays inside. */
export function problemOf(error: PlatformError, requestId: string): Problem {
  const { http, title } = errorTable[error.code];
  return {
    title,
    status: http,
    detail: error.code === "internal" ? hidden : error.message,
    code: error.code,
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error.rule === undefined ? {} : { rule: error.rule }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    request_id: requestId,
  };
}

/** The error as a response of its own. `realm` is the service's name. */
export function problemResponse(error: PlatformError, requestId: string, realm: string): Response {
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (error.code === "unauthenticated") {
    // RFC 6750 §3: the error attribute only when a token was sent and found wanting.
    const reason = error.rule === "invalid_token" ? ', error="invalid_token"' : "";
    headers.set("www-authenticate", `Bearer realm="${realm}"${reason}`);
  }
  if (error.code === "rate_limited" || error.retryAfterSeconds !== undefined) {
    headers.set("retry-after", String(Math.max(1, Math.ceil(error.retryAfterSeconds ?? 1))));
  }
  const problem = problemOf(error, requestId);
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}
