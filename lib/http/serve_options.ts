/**
 * What a server is given: where it listens, and who answers.
 * @module
 */
import type { Logger } from "@lib/log/mod.ts";
import type { CertificateFiles } from "@lib/tls/mod.ts";
import type { HttpLimits } from "./limits.ts";

/** What is known of a request beside the request. */
export interface RequestInfo {
  /** The client's address without port; "unix" on a unix socket. */
  remote: string;
  /** Also the header `x-request-id` of request and response. */
  requestId: string;
}

/** Answers a request. What it throws becomes a problem document (see {@linkcode problemResponse}). */
export type FetchHandler = (request: Request, info: RequestInfo) => Promise<Response> | Response;

export interface ServeHttpOptions {
  /** `host:port` or `unix:/path`; port 0 lets the system choose. */
  address: string;
  /** Absent: in the clear, for a unix socket or loopback behind the proxy. */
  tls?: CertificateFiles;
  fetch: FetchHandler;
  log: Logger;
  /** Lets a second process of ours listen beside this one; default false. */
  reusePort?: boolean;
  limits?: Partial<HttpLimits>;
  /** May set headers on every response, errors included: the place for security headers. Default: `x-content-type-options: nosniff`. */
  onResponse?: (request: Request, headers: Headers) => void;
}
