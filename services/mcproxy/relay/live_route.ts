/**
 * What an exchange needs of its route, asked anew for every request.
 * @module
 */
import type { Route } from "../domain/route.ts";
import type { RouteCounters } from "../traffic/counters.ts";

export interface LiveRoute {
  /** Of mode l7. */
  readonly route: Route;
  readonly counters: RouteCounters;
  /**
   * Some route of the name asks for sign-in: the proxy's own pages are there, and cookies of ours that no backend may see.
   */
  readonly isGuarded: boolean;
}
