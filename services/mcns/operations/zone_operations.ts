/** Zones: admins change them, every account reads them (the contract's access options say so). */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, type Operation, pageOf, parsePage } from "@lib/contract/mod.ts";
import { type ZoneSchema, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { DomainName } from "../domain/name.ts";
import { parseZoneName, parseZoneSettings } from "../domain/zone_settings.ts";
import type { ZoneRow, ZoneWriter } from "../store/zone_store.ts";
import { by } from "./by.ts";

export function zoneOperations(zones: ZoneWriter): Operation[] {
  const shownZone = (row: ZoneRow) => shown(row, zones.countRecords(row));

  return implement(ZoneService, {
    createZone: (request, call) => {
      const name = parseZoneName(request.name, "name");
      return shownZone(zones.create(name, parseZoneSettings(name, request), by(call)));
    },

    getZone: (request) => shownZone(zones.get(DomainName.parse(request.zone, "zone"))),

    listZones: (request) => {
      const page = parsePage(request);
      const { items, nextPageToken } = pageOf(
        zones.list({ limit: page.limit + 1, after: page.after }),
        page,
        (zone) => zone.name,
      );
      return { zones: items.map(shownZone), nextPageToken };
    },

    updateZone: (request, call) => {
      const name = DomainName.parse(request.zone, "zone");
      return shownZone(zones.update(
        name,
        (now) =>
          parseZoneSettings(name, {
            primaryNs: request.primaryNs ?? now.primary_ns,
            adminEmail: request.adminEmail ?? now.admin_email,
            refresh: request.refresh ?? now.refresh,
            retry: request.retry ?? now.retry,
            expire: request.expire ?? now.expire,
            minimum: request.minimum ?? now.minimum,
          }),
        by(call),
      ));
    },

    deleteZone: (request, call) => {
      zones.delete(DomainName.parse(request.zone, "zone"), by(call));
      return {};
    },
  });
}

function shown(row: ZoneRow, recordCount: number): MessageInitShape<typeof ZoneSchema> {
  return {
    name: row.name,
    primaryNs: row.primary_ns,
    adminEmail: row.admin_email,
    refresh: row.refresh,
    retry: row.retry,
    expire: row.expire,
    minimum: row.minimum,
    serial: row.serial,
    createdAt: timestampFromMs(row.created_at),
    updatedAt: timestampFromMs(row.updated_at),
    recordCount,
  };
}
