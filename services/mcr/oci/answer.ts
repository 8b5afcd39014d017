/** Answers of the registry protocol, errors included. */
import { type ErrorCode, messageOf, PlatformError } from "@lib/errors/mod.ts";
import { type RegistryCode, RegistryError } from "../domain/registry_error.ts";

/** Clients of the old protocol take an answer without this header for another server's. */
const versionHeader = { "docker-distribution-api-version": "registry/2.0" };

/** An answer without a body. */
export function empty(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers: { ...versionHeader, ...headers } });
}

/** An answer with a body of known length; for HEAD only its headers are sent. */
export function content(
  status: number,
  body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null,
  length: number,
  headers: Record<string, string>,
): Response {
  return new Response(body, { status, headers: { ...versionHeader, "content-length": String(length), ...headers } });
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  const body = new TextEncoder().encode(JSON.stringify(value));
  return content(status, body, body.length, { "content-type": "application/json", ...headers });
}

/** The protocol's code for a platform error that isn't a registry error. */
const codes: Readonly<Record<ErrorCode, { code: RegistryCode; status: number }>> = {
  invalid: { code: "UNSUPPORTED", status: 400 },
  not_found: { code: "NAME_UNKNOWN", status: 404 },
  conflict: { code: "DENIED", status: 409 },
  unauthenticated: { code: "UNAUTHORIZED", status: 401 },
  denied: { code: "DENIED", status: 403 },
  unavailable: { code: "UNAVAILABLE", status: 503 },
  sealed: { code: "UNAVAILABLE", status: 503 },
  too_large: { code: "SIZE_INVALID", status: 413 },
  rate_limited: { code: "TOOMANYREQUESTS", status: 429 },
  internal: { code: "UNKNOWN", status: 500 },
};

/** Whatever was thrown as the registry error to answer with; a defect shows nothing of itself. */
export function asRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  if (!(error instanceof PlatformError)) {
    const full = (error as { code?: unknown } | null)?.code === "ENOSPC";
    return full
      ? new RegistryError("UNKNOWN", "The registry's disk is full; free some space first", {
        status: 507,
        cause: error,
      })
      : new RegistryError("UNKNOWN", "Internal error; the registry's log has the details", { cause: error });
  }
  const { code, status } = codes[error.code];
  const message = error.hint === undefined ? messageOf(error) : `${messageOf(error)}. ${error.hint}`;
  return new RegistryError(code, message, {
    status,
    cause: error,
    ...(error.retryAfterSeconds === undefined
      ? {}
      : { headers: { "retry-after": String(Math.ceil(error.retryAfterSeconds)) } }),
  });
}

/** OCI distribution 1.1, "Error Codes". */
export function refused(error: RegistryError, extra: Record<string, unknown> = {}): Response {
  const list = [error, ...error.also].map(({ registryCode, message, detail }) => ({
    code: registryCode,
    message,
    ...(detail === undefined ? {} : { detail }),
  }));
  return json(error.status, { ...extra, errors: list }, error.headers);
}
