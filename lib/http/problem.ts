/**
 * Errors as HTTP shows them: application/problem+json (RFC 9457).
 * @module
 */
import { errorTable, toPlatformError } from "@lib/errors/mod.ts";

/** The members of a problem document; unset facts are left out. */
export interface Problem {
  type: "about:blank";
  title: string;
  status: number;
  detail: string;
  code: string;
  field?: string;
  rule?: string;
  hint?: string;
  request_id: string;
}

/** The problem document for anything thrown; what isn't a PlatformError shows as "internal error" without its message. */
export function problemOf(error: unknown, requestId: string): Problem {
  const { code, message, field, rule, hint } = toPlatformError(error);
  const { http, title } = errorTable[code];
  return {
    type: "about:blank",
    title,
    status: http,
    detail: message,
    code,
    ...(field === undefined ? {} : { field }),
    ...(rule === undefined ? {} : { rule }),
    ...(hint === undefined ? {} : { hint }),
    request_id: requestId,
  };
}

/**
 * The response for anything thrown. 401 carries `www-authenticate: Bearer`, which RFC 9110 §11.6.1 requires;
 * "try later" carries `retry-after` in seconds. The request id leads the operator to the log line.
 */
export function problemResponse(error: unknown, requestId: string): Response {
  const problem = problemOf(error, requestId);
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (problem.status === 401) headers.set("www-authenticate", "Bearer");
  const { retryAfterSeconds } = toPlatformError(error);
  if (retryAfterSeconds !== undefined) headers.set("retry-after", String(Math.ceil(retryAfterSeconds)));
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}
