/**
 * Addresses of the pages of one route.
 * @module
 */
import { address } from "@lib/web/mod.ts";

export const routesPath = "/routes";
export const routePath = `${routesPath}/{listener}/{hostname}`;

export interface RouteName {
  readonly listener: string;
  readonly hostname: string;
  /** "/" or absent for the name's first. */
  readonly path?: string;
}

/** @param below "/edit" and so on; "" for the route's own page */
export function routeAddress({ listener, hostname, path = "/" }: RouteName, below = ""): string {
  return address(routePath + below, { listener, hostname }, { path: path === "/" ? "" : path });
}

/** As people say it: "a.test/shop". */
export function routeTitle({ hostname, path = "/" }: RouteName): string {
  return hostname + (path === "/" ? "" : path);
}
