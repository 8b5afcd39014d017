/** What a page of MCNS works with: the visitor, and the service's operations in the visitor's name. */
import { isAdmin } from "@lib/auth/mod.ts";
import { type LocalClient, localClient, type LocalOptions, type Operation } from "@lib/contract/mod.ts";
import type { PageRoute, SignedInVisit } from "@lib/web/mod.ts";
import { DnssecService } from "@proto/mcns/v1/dnssec_pb.ts";
import { AdminService, RecordService, type Zone, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { TransferService } from "@proto/mcns/v1/transfer_pb.ts";

export interface Desk {
  readonly visit: SignedInVisit;
  /** Admins change things; everybody else reads, and gets pages without forms. The operations check it themselves. */
  readonly isAdmin: boolean;
  /** ms since the epoch, for "3 min ago". */
  readonly now: number;
  readonly zones: LocalClient<typeof ZoneService>;
  readonly records: LocalClient<typeof RecordService>;
  readonly admin: LocalClient<typeof AdminService>;
  readonly dnssec: LocalClient<typeof DnssecService>;
  readonly transfer: LocalClient<typeof TransferService>;
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
    isAdmin: isAdmin(visit.caller),
    now,
    zones: localClient(ZoneService, operations, call, options),
    records: localClient(RecordService, operations, call, options),
    admin: localClient(AdminService, operations, call, options),
    dnssec: localClient(DnssecService, operations, call, options),
    transfer: localClient(TransferService, operations, call, options),
  };
}

/** A page that needs a signed-in visitor. */
export type DeskRoute = Pick<PageRoute, "method" | "path" | "maxFormBytes"> & {
  handle: (desk: Desk) => Promise<Response>;
};

/** The zone that the address names. @throws PlatformError `not_found` */
export function zoneOf(desk: Desk): Promise<Zone> {
  return desk.zones.getZone({ zone: desk.visit.param("zone") });
}

/** A pager's parameters of the query: for list requests. */
export function pageOf(desk: Desk, pageSize: number): { pageSize: number; pageToken: string } {
  return { pageSize, pageToken: desk.visit.query("page") };
}
