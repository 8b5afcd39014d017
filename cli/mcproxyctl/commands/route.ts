/** route list, show, delete. */
import { create } from "@bufbuild/protobuf";
import { buildCommand } from "@stricli/core";
import { type CliContext, facts, jsonOf, printJson, textFlag } from "@lib/cli/mod.ts";
import { table } from "@lib/terminal/mod.ts";
import {
  DeleteRouteResponseSchema,
  ListRoutesResponseSchema,
  type Route,
  RouteSchema,
} from "@proto/mcproxy/v1/mcproxy_pb.ts";
import { expectedVersionFlag, type ServerFlags, serverFlags, withMcproxy } from "../connection.ts";
import { routeColumns, routeFacts, type RouteKey, routeName } from "../route_text.ts";
import { allRoutes, findRoute } from "../routes.ts";

/** Flags of the commands that name one route, beside its host. */
export interface KeyFlags extends ServerFlags {
  readonly listener: string;
  readonly path: string;
}

export const keyFlags = {
  ...serverFlags,
  listener: { kind: "parsed", parse: String, brief: "The listener's name", placeholder: "NAME", default: "https" },
  path: { kind: "parsed", parse: String, brief: "Requests for it and below it", placeholder: "PATH", default: "/" },
} as const;

export const hostParameter = {
  brief: "The name that clients ask for: example.org, *.example.org, or * for all others",
  parse: String,
  placeholder: "host",
} as const;

export const hostArgument = { kind: "tuple", parameters: [hostParameter] } as const;

export function keyOf({ listener, path }: KeyFlags, hostname: string): RouteKey {
  return { listener, hostname, path };
}

/** Prints one route. */
export function showRoute(context: CliContext, flags: ServerFlags, route: Route): void {
  if (flags.json) printJson(context, jsonOf(RouteSchema, route));
  else context.print(facts(routeFacts(route)));
}

export const routeListCommand = buildCommand({
  docs: {
    brief: "List the routes",
    customUsage: [
      { input: "", brief: "all of them" },
      { input: "--listener https", brief: "those of a listener" },
    ],
  },
  parameters: { flags: { ...serverFlags, listener: textFlag("Only those of this listener", "NAME") } },
  async func(this: CliContext, flags: ServerFlags & { readonly listener?: string }) {
    const routes = await withMcproxy(this, flags, (proxy) => allRoutes(proxy, flags.listener));
    if (!flags.json) return this.print(table(routes, routeColumns));
    printJson(this, jsonOf(ListRoutesResponseSchema, create(ListRoutesResponseSchema, { routes })));
  },
});

export const routeShowCommand = buildCommand({
  docs: {
    brief: "Show all that is set on a route",
    customUsage: [
      { input: "example.org", brief: "the route that takes the whole name" },
      { input: "example.org --path /api", brief: "that of a path" },
    ],
  },
  parameters: { flags: keyFlags, positional: hostArgument },
  async func(this: CliContext, flags: KeyFlags, host: string) {
    showRoute(this, flags, await withMcproxy(this, flags, (proxy) => findRoute(proxy, keyOf(flags, host))));
  },
});

export const routeDeleteCommand = buildCommand({
  docs: {
    brief: "Delete a route",
    fullDescription:
      "Deletes a route, for new connections and the next request of open ones. One that isn't there is no error.",
    customUsage: [
      { input: "example.org", brief: "that of the whole name" },
      { input: "example.org --path /api", brief: "only that of a path" },
    ],
  },
  parameters: { flags: { ...keyFlags, ...expectedVersionFlag }, positional: hostArgument },
  async func(this: CliContext, flags: KeyFlags & { readonly expectedVersion?: string }, hostname: string) {
    const key = keyOf(flags, hostname);
    const { expectedVersion = "" } = flags;
    const answer = await withMcproxy(this, flags, ({ routes }) => routes.deleteRoute({ ...key, expectedVersion }));
    if (flags.json) printJson(this, jsonOf(DeleteRouteResponseSchema, answer));
    else this.print(answer.deleted ? `Deleted route ${routeName(key)}\n` : `There was no route ${routeName(key)}\n`);
  },
});
