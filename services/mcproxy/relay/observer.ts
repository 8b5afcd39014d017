/**
 * What an access log and counters are told of requests.
 * @module
 */
import type { LiveRoute } from "./live_route.ts";
import type { RequestHead } from "./message.ts";

/** How an exchange ended. */
export interface Outcome {
  /** Null when none was asked. */
  route: LiveRoute | null;
  /** The firewall's rule that refused it; "" when none did. */
  rule: string;
  /** Who signed in; "" where nobody is asked to, or nobody did. */
  user: string;
  /** The backend of the last attempt, "host:port"; "" when there was none. */
  backend: string;
  /** Sent to the client; 0 when nothing was. */
  status: number;
  /** The response is incomplete, and the client can tell. */
  isCut: boolean;
  /** Of the request's body and of the response's, without framing; compressed where the route asks for it. */
  bytesIn: number;
  bytesOut: number;
}

export interface ExchangeObserver {
  /** A request was read. */
  began(request: RequestHead): ObservedExchange;
  /** What can't be read as a request was answered with `status`, and no exchange began. */
  refused(status: number): void;
}

/** Told what becomes of one request. */
export interface ObservedExchange {
  /** The response's head is there; not called when nothing is answered. */
  answered(): void;
  /** Called once, at the end, whatever it was. */
  finished(outcome: Outcome): void;
}
