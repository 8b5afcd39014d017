/**
 * What all exchanges of a connection have in common.
 * @module
 */
import type { Logger } from "@lib/log/mod.ts";
import type { Endpoint } from "../proxy_protocol/mod.ts";
import type { Deadlines } from "../stream/deadlines.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import type { Refusal } from "./answers.ts";
import type { ClientGate } from "./client_gate.ts";
import type { Gate } from "./gate.ts";
import type { ExchangeLimits } from "./limits.ts";
import type { LiveRoute } from "./live_route.ts";
import type { ExchangeObserver } from "./observer.ts";

/** See the module. */
export interface ExchangeContext {
  /** The client's end of the connection, and the end it connected to: of us, or of a proxy in front of us. */
  readonly peer: { readonly source: Endpoint; readonly destination: Endpoint };
  /** The name in SNI; requests must be for it. */
  readonly hostname: string;
  /** The firewall's word on a request; null lets it pass. @param userAgent "" without the field */
  refusal(target: string, userAgent: string): Refusal | null;
  /**
   * The route of a request as it is now; null when there is none, or no longer an l7 route.
   * @param look "look again" asks the store first, in case another process has just changed it
   */
  route(target: string, look?: "look again"): LiveRoute | null;
  readonly clients: ClientGate;
  /** Asked on routes with a sign-in; null where there is no MCIAS to ask. */
  readonly gate: Gate | null;
  readonly upstreams: Upstreams;
  readonly deadlines: Deadlines;
  readonly limits: ExchangeLimits;
  /** Told of every request; null where nobody asks. */
  readonly observer: ExchangeObserver | null;
  /** IMF-fixdate of now. */
  date(): string;
  /** Called when bytes have moved. */
  moved(): void;
  readonly log: Logger;
}
