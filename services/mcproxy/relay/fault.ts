/**
 * What is wrong with a message, and the status that says so.
 * @module
 */

/** A message that breaks HTTP or a limit. From a client it is answered with `status`; from a backend it means 502. */
export class HttpFault extends Error {
  override readonly name = "HttpFault";
  constructor(
    readonly status: 400 | 403 | 408 | 413 | 417 | 421 | 429 | 431 | 501 | 505,
    /** The rule that was broken, in a few words; shown to the client. */
    readonly reason: string,
  ) {
    super(reason);
  }
}
