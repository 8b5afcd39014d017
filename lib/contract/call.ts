/** Who calls and how: what every operation gets beside its request. */
import type { Authenticate, Caller } from "@lib/auth/mod.ts";
import { unauthenticated } from "@lib/errors/mod.ts";

/** How a call came: over one of the two APIs, or from a page of the service's own web UI, in process. */
export type Transport = "grpc" | "rest" | "web";

/** One call of an operation, the same for every transport. */
export interface Call {
  /** Null when the operation is public: a token sent along to one is not looked at. */
  caller: Caller | null;
  /** The peer's address without a port, or "unix". */
  remote: string;
  /** Taken from the caller's `x-request-id` when it is well formed, else made here. */
  requestId: string;
  transport: Transport;
  /** Aborts when the caller hangs up or its deadline passes. */
  signal: AbortSignal;
  /** The bearer token as sent, for operations that pass it on or revoke it. Never log it. */
  token?: string;
}

/**
 * How a listener learns who calls: by token, or "local" for listeners on a unix socket: whoever could open it counts
 * as admin, with no token.
 */
export type Authentication = Authenticate | "local";

/** The caller, for operations that need one. Throws `unauthenticated` when there is none. */
export function requireCaller(call: Call): Caller {
  if (call.caller === null) throw unauthenticated("This operation needs a token; log in and send it as a bearer token");
  return call.caller;
}

// Longer ones fill logs; other characters could forge log lines or headers.
const requestIdForm = /^[A-Za-z0-9._:-]{1,64}$/;

/** The caller's own request id when it is well formed, else a new random one. */
export function requestIdFrom(sent: string | null | undefined): string {
  return sent !== null && sent !== undefined && requestIdForm.test(sent) ? sent : crypto.randomUUID();
}

// Tokens of the platform are some 400 characters; 8 KiB is what HTTP servers commonly take for a header line.
const maxTokenLength = 8192;
const bearerForm = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i;

/**
 * The token of an `Authorization` header (RFC 6750 §2.1), or undefined without a header.
 * Throws `unauthenticated` for another scheme or a malformed token: unlike a missing one, it is a mistake to be told of.
 */
export function tokenFrom(header: string | null | undefined): string | undefined {
  if (header === null || header === undefined || header === "") return undefined;
  const token = header.length <= maxTokenLength ? bearerForm.exec(header)?.[1] : undefined;
  if (token === undefined) {
    throw unauthenticated(`The Authorization header must be "Bearer <token>" of at most ${maxTokenLength} characters`);
  }
  return token;
}
