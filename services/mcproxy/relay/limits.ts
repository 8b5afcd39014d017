/**
 * Limits of exchanges.
 * @module
 */

/** Times in ms. */
export interface ExchangeLimits {
  /** Longest wait for more of a request's body. */
  bodyMs: number;
  /** From the end of the request to the response's head. */
  responseMs: number;
  /** Longest time without a byte while a response is relayed; event streams must speak more often. */
  streamIdleMs: number;
  /** The same for WebSockets. */
  tunnelIdleMs: number;
}
