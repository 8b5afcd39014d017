/** Records: every account reads them; who changes which, domain/rights.ts says. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { isAdmin } from "@lib/auth/mod.ts";
import { type Call, implement, type Operation, pageOf, parsePage, requireCaller } from "@lib/contract/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { type RecordSchema, RecordService } from "@proto/mcns/v1/mcns_pb.ts";
import { DomainName } from "../domain/name.ts";
import { parseRecordType, parseRecordValue, parseTtl } from "../domain/record.ts";
import { RecordName } from "../domain/record_name.ts";
import { checkMayChangeRecord, type RightsSettings } from "../domain/rights.ts";
import type { RecordRow, RecordWriter } from "../store/record_store.ts";
import { by } from "./by.ts";

export function recordOperations(records: RecordWriter, rights: RightsSettings): Operation[] {
  /** The name to change, once the caller has turned out to be allowed to. */
  function nameToChange(request: { zone: string; name: string }, call: Call): { zone: DomainName; name: RecordName } {
    const zone = DomainName.parse(request.zone, "zone");
    const name = RecordName.parse(request.name, zone);
    const caller = requireCaller(call);
    checkMayChangeRecord(rights, { ...caller, admin: isAdmin(caller) }, zone, name);
    return { zone, name };
  }

  return implement(RecordService, {
    createRecord: (request, call) => {
      const { zone, name } = nameToChange(request, call);
      const value = parseRecordValue(parseRecordType(request.type), request.value);
      return shownRecord(zone, records.add(zone, name, value, parseTtl(request.ttl), by(call)));
    },

    setRecords: (request, call) => {
      const { zone, name } = nameToChange(request, call);
      const type = parseRecordType(request.type);
      const values = request.values.map((value, i) => parseRecordValue(type, value, `values[${i}]`));
      const { records: rows, serial } = records.set(zone, name, values, parseTtl(request.ttl), by(call));
      return { records: rows.map((row) => shownRecord(zone, row)), serial };
    },

    listRecords: (request) => {
      const zone = DomainName.parse(request.zone, "zone");
      const page = parsePage(request);
      const after = Number(page.after ?? 0);
      if (!Number.isSafeInteger(after)) throw invalid("page_token", "not a token of this list; start again without it");
      const rows = records.list(zone, {
        ...(request.name === "" ? {} : { name: RecordName.parse(request.name, zone) }),
        ...(request.type === "" ? {} : { type: parseRecordType(request.type) }),
      }, { limit: page.limit + 1, after });
      const { items, nextPageToken } = pageOf(rows, page, (row) => row.id);
      return { records: items.map((row) => shownRecord(zone, row)), nextPageToken };
    },

    deleteRecords: (request, call) => {
      const { zone, name } = nameToChange(request, call);
      if (request.value !== "" && request.type === "") {
        throw invalid("type", `must be given with value ${quote(request.value)}`);
      }
      const type = request.type === "" ? undefined : parseRecordType(request.type);
      return records.remove(zone, name, {
        ...(type === undefined ? {} : { type }),
        ...(type === undefined || request.value === "" ? {} : { value: parseRecordValue(type, request.value).text }),
      }, by(call));
    },
  });
}

function shownRecord(zone: DomainName, row: RecordRow): MessageInitShape<typeof RecordSchema> {
  return {
    id: BigInt(row.id),
    zone: zone.text,
    name: row.name,
    type: row.type,
    value: row.value,
    ttl: row.ttl,
    createdAt: timestampFromMs(row.created_at),
    updatedAt: timestampFromMs(row.updated_at),
  };
}
