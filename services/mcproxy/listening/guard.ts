/**
 * What connections and requests are asked to pass: the firewall, as the wire sees it.
 * @module
 */

/** What a guard says. */
export type Verdict =
  | { readonly allowed: true }
  | {
    readonly allowed: false;
    /** Id of the rule that decided. */
    readonly rule: string;
    readonly reason: string;
    /** To be answered where there is a request to answer. */
    readonly status: 403 | 429;
    /** When it may be tried again, in seconds; 0 on 403. */
    readonly retryAfterSeconds: number;
  };

/** Asked at three moments, each time with all that is known then. */
export interface Guard {
  /** At the accept, before anything is read. */
  connection(at: { listener: string; address: string }): Verdict;
  /** When the name is known, before the handshake. */
  hello(at: { listener: string; address: string; hostname: string }): Verdict;
  /** Per HTTP request. @param at `path` is the request's target */
  request(at: { listener: string; address: string; hostname: string; path: string; userAgent: string }): Verdict;
  /** A connection of that address counts from here on. */
  opened(address: string): void;
  closed(address: string): void;
}
