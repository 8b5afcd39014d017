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
  /** A request was read. The answer is called once, at its end. */
  began(request: RequestHead): (outcome: Outcome) => void;
}
