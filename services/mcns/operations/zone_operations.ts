/** Zones and their files: admins change them, every account reads them (the contract's access options say so). */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { implement, type Operation, pageOf, parsePage } from "@lib/contract/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { type CreateZoneRequest, type ZoneSchema, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { DomainName } from "../domain/name.ts";
import type { RightsSettings } from "../domain/rights.ts";
import { checkScopesHaveZone, type TokenLimit } from "../domain/token_scopes.ts";
import { piecesOf } from "../domain/zone_file/pieces.ts";
import { parseZoneName, parseZoneSettings } from "../domain/zone_settings.ts";
import type { ChangeStore } from "../store/change_store.ts";
import type { ZoneEditor } from "../store/zone_editor.ts";
import type { By, ZoneKind, ZoneReader, ZoneRow } from "../store/zone_store.ts";
import { actorOf, by } from "./by.ts";
import { changeHandlers } from "./change_operations.ts";
import type { TransferControl } from "./transfer_control.ts";

/** Zone files in and out. */
export interface ZoneFiles {
  /** @param published with what signing made. Throws NotFound */
  export(zone: DomainName, published: boolean): { text: string; serial: number };
  /** Makes the zone's records those of the file, in one change. The lines are "name ttl type value". */
  import(
    zone: DomainName,
    text: string,
    options: { readonly dryRun: boolean; readonly create: boolean },
    by: By,
  ): Promise<{ removed: string[]; added: string[]; serial: number }>;
}

export interface ZoneParts {
  readonly zones: ZoneReader;
  readonly editor: ZoneEditor;
  readonly changes: ChangeStore;
  readonly files: ZoneFiles;
  readonly transfers: Pick<TransferControl, "set">;
  readonly rights: RightsSettings;
}

export function zoneOperations({ zones, editor, changes, files, transfers, rights }: ZoneParts): Operation[] {
  const shownZone = (row: ZoneRow) =>
    shown(row, zones.countRecords(row), editor.zone(DomainName.parse(`${row.name}.`, "zone")).isSigned);

  /** By name; to a token with scopes those that these name. */
  function zonesAfter(after: string | null, count: number, limit: TokenLimit | null): ZoneRow[] {
    if (limit === null) return zones.list({ limit: count, after });
    const named = new Map(limit.records.map(({ zone }) => [zone.text, zone]));
    const names = [...named.keys()].filter((name) => after === null || name > after).toSorted();
    return names.flatMap((name) => zones.find(named.get(name)!) ?? []).slice(0, count);
  }

  return implement(ZoneService, {
    createZone: (request, call) => {
      const name = parseZoneName(request.name, "name");
      const kind = kindOf(request);
      const { views, isCatalog, primaries } = request;
      const settings = parseZoneSettings(name, request);
      return editor.together(() => {
        const row = editor.create(name, { settings, kind, views, isCatalog }, by(call));
        if (kind === "secondary") {
          const peers = primaries.map((address) => ({ address, tsigKey: "", tlsName: "" }));
          transfers.set(name, { primaries: peers, secondaries: [] }, by(call));
        }
        return shown(row, zones.countRecords(row), false);
      });
    },

    getZone: (request, call) => {
      const name = DomainName.parse(request.zone, "zone");
      checkScopesHaveZone(actorOf(call).limit, name);
      return shownZone(zones.get(name));
    },

    listZones: (request, call) => {
      const page = parsePage(request);
      const rows = zonesAfter(page.after, page.limit + 1, actorOf(call).limit);
      const { items, nextPageToken } = pageOf(rows, page, (zone) => zone.name);
      return { zones: items.map(shownZone), nextPageToken };
    },

    updateZone: (request, call) => {
      const name = DomainName.parse(request.zone, "zone");
      const { primaryNs, adminEmail, refresh, retry, expire, minimum, setViews, views } = request;
      const given = [primaryNs, adminEmail, refresh, retry, expire, minimum].some((value) => value !== undefined);
      return editor.together(() => {
        if (given) {
          editor.updateSettings(name, (now) =>
            parseZoneSettings(name, {
              primaryNs: primaryNs ?? now.primary_ns,
              adminEmail: adminEmail ?? now.admin_email,
              refresh: refresh ?? now.refresh,
              retry: retry ?? now.retry,
              expire: expire ?? now.expire,
              minimum: minimum ?? now.minimum,
            }), by(call));
        }
        if (setViews) editor.setViews(name, views, by(call));
        return shownZone(zones.get(name));
      });
    },

    deleteZone: (request, call) => {
      editor.delete(DomainName.parse(request.zone, "zone"), by(call));
      return {};
    },

    exportZone: (request) => files.export(DomainName.parse(request.zone, "zone"), request.published),

    exportZoneInPieces: async function* ({ zone, published }) {
      const { text, serial } = files.export(DomainName.parse(zone, "zone"), published);
      for (const piece of piecesOf(text)) yield { text: piece, serial };
    },

    importZone: (request, call) => {
      const { text, dryRun, create } = request;
      return files.import(parseZoneName(request.zone, "zone"), text, { dryRun, create }, by(call));
    },

    ...changeHandlers(changes, rights),
  });
}

function kindOf({ kind, primaries }: CreateZoneRequest): ZoneKind {
  if (kind !== "" && kind !== "primary" && kind !== "secondary") {
    throw invalid("kind", `must be primary or secondary, got ${quote(kind)}`);
  }
  if (kind !== "secondary" && primaries.length > 0) {
    throw invalid("primaries", "are of a secondary zone; set kind to secondary, or leave them out");
  }
  if (kind === "secondary" && primaries.length === 0) {
    throw invalid("primaries", 'must name where a secondary transfers from, as "ip:port"');
  }
  return kind || "primary";
}

function shown(row: ZoneRow, recordCount: number, signed: boolean): MessageInitShape<typeof ZoneSchema> {
  const { name, refresh, retry, expire, minimum, serial, kind, catalog } = row;
  return {
    name,
    primaryNs: row.primary_ns,
    adminEmail: row.admin_email,
    refresh,
    retry,
    expire,
    minimum,
    serial,
    createdAt: timestampFromMs(row.created_at),
    updatedAt: timestampFromMs(row.updated_at),
    recordCount,
    kind,
    views: row.views === "" ? [] : row.views.split(" "),
    signed,
    catalog,
    isCatalog: row.is_catalog === 1,
  };
}
