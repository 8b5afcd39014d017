/** History of zones: every account reads it; a change is taken back by who could have made it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Call, type Handlers, pageOf, parsePage } from "@lib/contract/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import type { ChangeSchema, ZoneService } from "@proto/mcns/v1/mcns_pb.ts";
import { DomainName } from "../domain/name.ts";
import { typeCode } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import {
  checkMayChangeAnyRecord,
  checkMayChangeRecord,
  mayChangeAnyRecord,
  type RightsSettings,
} from "../domain/rights.ts";
import type { Change, HistoryRecord } from "../store/change_log.ts";
import type { ChangeStore } from "../store/change_store.ts";
import { actorOf, by } from "./by.ts";

/** The handlers of ZoneService that are about history. */
export function changeHandlers(
  changes: ChangeStore,
  rights: RightsSettings,
): Pick<Handlers<typeof ZoneService>, "listChanges" | "undoChange"> {
  /** Throws Denied unless the caller could have made the change. */
  function checkMayUndo(zone: DomainName, { id, removed, added, isShortened }: Change, call: Call): void {
    const actor = actorOf(call);
    if (mayChangeAnyRecord(rights, actor)) return;
    const records = [...removed, ...added];
    // What it did can't be told from its records: then it is for who may change them all.
    if (records.length === 0 || isShortened) checkMayChangeAnyRecord(rights, actor, `undo change ${id} of ${zone}`);
    for (const { name, type } of records) {
      checkMayChangeRecord(rights, actor, zone, RecordName.stored(name, zone), typeCode(type));
    }
  }

  return {
    listChanges: (request) => {
      const zone = DomainName.parse(request.zone, "zone");
      const name = request.name === "" ? null : RecordName.parse(request.name, zone);
      const page = parsePage(request);
      const before = page.after === null ? null : Number(page.after);
      if (before !== null && !Number.isSafeInteger(before)) {
        throw invalid("page_token", "not a token of this list; start again without it");
      }
      const rows = changes.list(zone, name, { limit: page.limit + 1, before });
      const { items, nextPageToken } = pageOf(rows, page, ({ id }) => id);
      return { changes: items.map(shown), nextPageToken };
    },

    undoChange: (request, call) => {
      const zone = DomainName.parse(request.zone, "zone");
      const id = Number(request.id);
      if (!Number.isSafeInteger(id) || id < 1) throw invalid("id", `must be a change's id, got ${quote(request.id)}`);
      checkMayUndo(zone, changes.get(zone, id), call);
      return shown(changes.undo(zone, id, by(call)));
    },
  };
}

function shown(change: Change): MessageInitShape<typeof ChangeSchema> {
  const { id, at, removed, added, undoes, undoneBy, zone, actor, remote, action, serialBefore, serial } = change;
  return {
    ...{ zone, actor, remote, action, serialBefore, serial },
    id: BigInt(id),
    at: timestampFromMs(at),
    removed: removed.map(line),
    added: added.map(line),
    undoes: BigInt(undoes ?? 0),
    undoneBy: BigInt(undoneBy ?? 0),
  };
}

/** "www 300 A 192.0.2.1" */
function line({ name, ttl, type, value }: HistoryRecord): string {
  return `${name} ${ttl} ${type} ${value}`;
}
