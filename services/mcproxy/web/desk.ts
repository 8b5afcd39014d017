/**
 * What a page of MC-Proxy works with: the visitor, who is an admin, and the service's operations in their name.
 * @module
 */
import { type LocalClient, localClient, type LocalOptions, type Operation } from "@lib/contract/mod.ts";
import type { PageRoute, SignedInVisit } from "@lib/web/mod.ts";
import {
  CertificateService,
  FirewallService,
  ListenerService,
  RouteService,
  StatsService,
} from "@proto/mcproxy/v1/mcproxy_pb.ts";

export interface Desk {
  readonly visit: SignedInVisit;
  /** ms since the epoch, for "3 min ago". */
  readonly now: number;
  readonly routes: LocalClient<typeof RouteService>;
  readonly listeners: LocalClient<typeof ListenerService>;
  readonly firewall: LocalClient<typeof FirewallService>;
  readonly certificates: LocalClient<typeof CertificateService>;
  readonly stats: LocalClient<typeof StatsService>;
}

export function deskFor(
  visit: SignedInVisit,
  operations: readonly Operation[],
  now: number,
  options: LocalOptions,
): Desk {
  const { call } = visit;
  return {
    visit,
    now,
    routes: localClient(RouteService, operations, call, options),
    listeners: localClient(ListenerService, operations, call, options),
    firewall: localClient(FirewallService, operations, call, options),
    certificates: localClient(CertificateService, operations, call, options),
    stats: localClient(StatsService, operations, call, options),
  };
}

/** A page for admins. */
export type DeskRoute = Pick<PageRoute, "method" | "path" | "maxFormBytes"> & {
  handle: (desk: Desk) => Promise<Response>;
};

/** What stands on lines of their own, without blanks around. */
export function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** What stands between blanks, commas and line ends. */
export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
