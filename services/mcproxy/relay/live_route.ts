/**
 * What an exchange needs of its route, asked anew for every request.
 * @module
 */
import type { Backend } from "../domain/backend.ts";
import type { RouteCounters } from "../traffic/counters.ts";

export interface LiveRoute {
  readonly backends: readonly Backend[];
  readonly counters: RouteCounters;
}
