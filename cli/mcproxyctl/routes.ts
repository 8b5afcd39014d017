/** Reading routes, and putting them back changed. */
import { fetchPages } from "@lib/cli/mod.ts";
import { notFound, PlatformError } from "@lib/errors/mod.ts";
import type { Route } from "@proto/mcproxy/v1/mcproxy_pb.ts";
import type { Mcproxy } from "./connection.ts";
import { changeLatest } from "./latest.ts";
import { type RouteKey, routeName } from "./route_text.ts";

// More than one node serves; it bounds what a listing keeps in memory.
const maxRoutes = 100_000;

/** All routes, or those of one listener. */
export async function allRoutes(proxy: Mcproxy, listener = ""): Promise<Route[]> {
  const { items } = await fetchPages(maxRoutes, async (page) => {
    const { routes: items, nextPageToken } = await proxy.routes.listRoutes({ listener, ...page });
    return { items, nextPageToken };
  });
  return items;
}

/** @throws PlatformError not_found, with the paths that there are for that name */
export async function findRoute(proxy: Mcproxy, key: RouteKey): Promise<Route> {
  try {
    return await proxy.routes.getRoute(key);
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code !== "not_found") throw error;
  }
  const hostname = key.hostname.toLowerCase();
  const all = (await allRoutes(proxy)).filter((route) => route.hostname === hostname);
  throw notFound("route", routeName(key), {
    hint: all.length === 0
      ? "mcproxyctl route list shows those that there are."
      : `There is ${all.map(routeName).join(", ")}: name it with --listener and --path.`,
  });
}

/** Reads a route, changes it and puts it back. */
export async function changeRoute(proxy: Mcproxy, key: RouteKey, change: (route: Route) => Route) {
  return await changeLatest(
    () => findRoute(proxy, key),
    (route) => proxy.routes.putRoute({ ...settingsOf(change(route)), expectedVersion: route.version }),
  );
}

/** A route as a put takes it. */
function settingsOf(route: Route) {
  const { $typeName: _, $unknown: _unknown, createdAt: _created, updatedAt: _updated, version: _version, ...settings } =
    route;
  return settings;
}
