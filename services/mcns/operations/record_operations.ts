/**
 * Records: every account reads them, by a token with scopes those that these have; who changes which, domain/rights.ts
 * says.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Call, implement, type Operation, pageOf, parsePage } from "@lib/contract/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { type RecordSchema, RecordService } from "@proto/mcns/v1/mcns_pb.ts";
import { DomainName } from "../domain/name.ts";
import { formatData, parseData } from "../domain/rdata/record_data.ts";
import { checkWritable, typeCode, typeText } from "../domain/rdata/record_type.ts";
import { parseTtl, type RecordSpec } from "../domain/record.ts";
import { RecordName } from "../domain/record_name.ts";
import { checkMayChangeAnyRecord, checkMayChangeRecord, type RightsSettings } from "../domain/rights.ts";
import { checkScopesHaveRecords } from "../domain/token_scopes.ts";
import type { RecordWriter } from "../store/record_store.ts";
import type { StoredRecord } from "../store/stored_record.ts";
import type { ZoneEditor } from "../store/zone_editor.ts";
import { actorOf, by } from "./by.ts";
import { addressesOf, isAddress, type PointerRecords } from "./pointer_records.ts";
import { optionalTime } from "./timestamps.ts";

export interface RecordParts {
  readonly records: RecordWriter;
  readonly pointers: PointerRecords;
  readonly editor: Pick<ZoneEditor, "together">;
  readonly rights: RightsSettings;
  readonly clock: Clock;
}

/** Where a change is to happen. */
interface Place {
  readonly zone: DomainName;
  readonly name: RecordName;
  /** Null stands for all types. */
  readonly type: number | null;
}

export function recordOperations({ records, pointers, editor, rights, clock }: RecordParts): Operation[] {
  /** The place to change, once the caller has turned out to be allowed to. */
  function placeToChange(request: { zone: string; name: string; type: string }, call: Call): Place {
    const zone = DomainName.parse(request.zone, "zone");
    const name = RecordName.parse(request.name, zone);
    const type = request.type === "" ? null : typeCode(request.type);
    checkMayChangeRecord(rights, actorOf(call), zone, name, type);
    return { zone, name, type };
  }

  /** The same for a change that writes records. */
  function placeToWrite(request: { zone: string; name: string; type: string }, call: Call): Place & { type: number } {
    if (request.type === "") typeCode(request.type);
    const place = placeToChange(request, call);
    const type = place.type!;
    checkWritable(type);
    return { ...place, type };
  }

  /** What records have in common that one request writes. */
  function commonOf(request: { ttl: number; view: string; expiresIn: number; service: string; lease: string }) {
    const { ttl, view, expiresIn, service, lease } = request;
    if (lease !== "" && service === "") throw invalid("service", `must be given with lease ${quote(lease)}`);
    for (const [field, text] of [["service", service], ["lease", lease]] as const) {
      if (!/^[\x21-\x7e]{0,253}$/.test(text)) {
        throw invalid(field, `must be at most 253 printable characters without spaces, got ${quote(text)}`);
      }
    }
    const expiresAt = expiresIn === 0 ? null : clock.now() + expiresIn * 1000;
    return { ttlSeconds: parseTtl(ttl), view, expiresAt, service, lease };
  }

  /** Throws unless the caller may also write the PTR records that go with the addresses. */
  function checkPointers({ zone, name, type }: Place, addresses: readonly string[], call: Call): void {
    if (type !== null && !isAddress(type)) {
      throw invalid("with_ptr", `is for A and AAAA records, got ${typeText(type)}`);
    }
    for (const address of addresses) {
      const place = pointers.placeOf(address);
      if (place === null) continue;
      checkMayChangeRecord(rights, actorOf(call), place.zone, place.name, typeCode("PTR"));
      if (place.zone.key === zone.key) {
        throw invalid(
          "with_ptr",
          `${quote(name.relative)} is in the reverse zone ${zone} itself; write the PTR record`,
        );
      }
    }
  }

  return implement(RecordService, {
    createRecord: (request, call) => {
      const { zone, name, type } = placeToWrite(request, call);
      const data = parseData(type, request.value);
      const spec: RecordSpec = { name, type, data, ...commonOf(request) };
      if (!request.withPtr) return shownRecord(zone, records.add(zone, spec, by(call)).record);
      checkPointers({ zone, name, type }, [data], call);
      return editor.together(() => {
        const { record } = records.add(zone, spec, by(call));
        pointers.change({ host: name.absolute, added: [spec], removed: [] }, by(call));
        return shownRecord(zone, record);
      });
    },

    setRecords: (request, call) => {
      const { zone, name, type } = placeToWrite(request, call);
      const data = request.values.map((value, i) => parseData(type, value, { field: `values[${i}]` }));
      const common = commonOf(request);
      const set = () => {
        const { records: rows, serial } = records.set(zone, { name, type, data, ...common }, by(call));
        return { records: rows.map((row) => shownRecord(zone, row)), serial };
      };
      if (!request.withPtr) return set();
      return editor.together(() => {
        const filter = { name: name.relative, type: typeText(type), view: common.view };
        const before = addressesOf(records.list(zone, filter, wholeSet));
        checkPointers({ zone, name, type }, [...before, ...data], call);
        const done = set();
        const removed = before.filter((address) => !data.includes(address));
        pointers.change(
          { host: name.absolute, added: data.map((one) => ({ data: one, ...common })), removed },
          by(call),
        );
        return done;
      });
    },

    listRecords: (request, call) => {
      const zone = DomainName.parse(request.zone, "zone");
      const name = request.name === "" ? null : RecordName.parse(request.name, zone);
      const type = request.type === "" ? null : typeCode(request.type);
      checkScopesHaveRecords(actorOf(call).limit, { zone, name, type }, "read");
      const page = parsePage(request);
      const after = Number(page.after ?? 0);
      if (!Number.isSafeInteger(after)) throw invalid("page_token", "not a token of this list; start again without it");
      const { contains, service, lease } = request;
      const rows = records.list(zone, {
        ...(name === null ? {} : { name: name.relative }),
        ...(type === null ? {} : { type: typeText(type) }),
        ...(contains === "" ? {} : { contains }),
        ...(service === "" ? {} : { service }),
        ...(lease === "" ? {} : { lease }),
      }, { limit: page.limit + 1, after });
      const { items, nextPageToken } = pageOf(rows, page, (row) => row.id);
      return { records: items.map((row) => shownRecord(zone, row)), nextPageToken };
    },

    deleteRecords: (request, call) => {
      const { zone, name, type } = placeToChange(request, call);
      if (request.value !== "" && type === null) {
        throw invalid("type", `must be given with value ${quote(request.value)}`);
      }
      const selection = {
        name,
        ...(type === null ? {} : { type }),
        ...(type === null || request.value === ""
          ? {}
          : { value: formatData(type, parseData(type, request.value, { formOnly: true })) }),
        ...(request.view === "" ? {} : { view: request.view }),
      };
      return editor.together(() => {
        const { deleted, serial } = records.remove(zone, selection, by(call));
        if (request.withPtr) {
          const removed = addressesOf(deleted);
          checkPointers({ zone, name, type }, removed, call);
          pointers.change({ host: name.absolute, added: [], removed }, by(call));
        }
        return { deleted: deleted.length, serial };
      });
    },

    deleteOwnedRecords: (request, call) => {
      const { service, lease } = request;
      checkMayChangeAnyRecord(rights, actorOf(call), `delete the records of service ${quote(service)}`);
      return records.removeOwned({ service, lease }, by(call));
    },
  });
}

/** All records of a set: name_rules.ts has the limit. */
const wholeSet = { limit: 1000, after: 0 };

function shownRecord(zone: DomainName, row: StoredRecord): MessageInitShape<typeof RecordSchema> {
  const { name, type, value, ttl, view, service, lease } = row;
  return {
    id: BigInt(row.id),
    zone: zone.text,
    name,
    type,
    value,
    ttl,
    view,
    service,
    lease,
    createdAt: timestampFromMs(row.created_at),
    updatedAt: timestampFromMs(row.updated_at),
    ...optionalTime("expiresAt", row.expires_at),
  };
}
