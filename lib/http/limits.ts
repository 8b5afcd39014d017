/**
 * What one client may take of a server.
 * @module
 */

/** See {@linkcode defaultLimits} for values and reasons. */
export interface HttpLimits {
  /** All header lines of a request together, in bytes; more is answered with 431. */
  maxHeaderBytes: number;
  /** From the first byte of a request to the end of its header, in ms; then 408. */
  headerTimeoutMs: number;
  /** How long a connection may stay open between requests, in ms. */
  idleTimeoutMs: number;
  /** How long a client may neither send the body that is waited for nor take the response, in ms. */
  stallTimeoutMs: number;
  /** Connections at once; above, new ones are closed at once. */
  maxConnections: number;
}

export const defaultLimits: HttpLimits = {
  // Cookies and tokens of the platform are below 4 KiB each; browsers and proxies allow 8–32 KiB.
  maxHeaderBytes: 32 * 1024,
  headerTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  // Twice the longest pause that a mobile network or a suspended laptop should cost an upload.
  stallTimeoutMs: 120_000,
  maxConnections: 10_000,
};
