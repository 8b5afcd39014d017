import { invalid } from "@lib/errors/mod.ts";
import { DomainName } from "../domain/name.ts";
import type { RecordSpec } from "../domain/record.ts";
import { formatData } from "../domain/rdata/record_data.ts";
import { typeText } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import type { Edit } from "./edit_session.ts";
import type { RecordFilter, RecordRows } from "./record_rows.ts";
import type { StoredRecord } from "./stored_record.ts";
import type { ZoneEditor } from "./zone_editor.ts";
import type { By, ZoneReader } from "./zone_store.ts";

/** What all records of a set that `set` makes have in common. */
export interface SetSpec extends Pick<RecordSpec, "ttlSeconds" | "view" | "expiresAt" | "service" | "lease"> {
  readonly name: RecordName;
  readonly type: number;
  readonly data: readonly string[];
}

export interface RecordReader {
  /** By id, those after `after`. Throws NotFound for the zone. */
  list(zone: DomainName, filter: RecordFilter, page: { limit: number; after: number }): StoredRecord[];
}

/**
 * Each call is one transaction of ZoneEditor. A call that changes nothing leaves the serial as it is.
 * Throws NotFound for the zone, Conflict and Invalid by the rules of names.
 */
export interface RecordWriter extends RecordReader {
  /** Throws Conflict when the record exists. Its TTL becomes that of all its set. */
  add(zone: DomainName, spec: RecordSpec, by: By): { record: StoredRecord; serial: number };
  /** Makes the records of name, type and view exactly these, in any order. Idempotent. */
  set(zone: DomainName, spec: SetSpec, by: By): { records: StoredRecord[]; serial: number };
  /** Deletes the records of that name, and of that type, value and view where given. None is no error. */
  remove(zone: DomainName, filter: RecordSelection, by: By): { deleted: StoredRecord[]; serial: number };
  /** Deletes what stands for a service, or for one lease of it ("" for all), in every zone, all or nothing. */
  removeOwned(owner: { service: string; lease: string }, by: By): { deleted: number; zones: string[] };
}

/** Records of one name. */
export interface RecordSelection {
  readonly name: RecordName;
  readonly type?: number;
  /** Presentation form, canonical. */
  readonly value?: string;
  readonly view?: string;
}

export class RecordStore implements RecordWriter {
  readonly #zones: ZoneReader;
  readonly #rows: RecordRows;
  readonly #editor: ZoneEditor;

  constructor(zones: ZoneReader, rows: RecordRows, editor: ZoneEditor) {
    this.#zones = zones;
    this.#rows = rows;
    this.#editor = editor;
  }

  list(zone: DomainName, filter: RecordFilter, page: { limit: number; after: number }): StoredRecord[] {
    return this.#rows.page(this.#zones.get(zone).id, filter, page);
  }

  add(zone: DomainName, spec: RecordSpec, by: By): { record: StoredRecord; serial: number } {
    const { result, serial } = this.#editor.edit(zone, by, "record.add", (edit) => {
      edit.add(spec);
      return edit.recordsAt(spec.name).at(-1)!;
    });
    return { record: result, serial };
  }

  set(zone: DomainName, spec: SetSpec, by: By): { records: StoredRecord[]; serial: number } {
    const { name, type, data, ttlSeconds, view = "", expiresAt = null, service = "", lease = "" } = spec;
    if (data.length === 0) throw invalid("values", "must hold at least one value; delete the records to have none");
    const { result, serial } = this.#editor.edit(zone, by, "record.set", (edit) => {
      const wanted = new Map(data.map((one) => [formatData(type, one), one]));
      for (const row of select(edit, { name, type, view })) {
        if (!wanted.delete(row.value)) edit.remove(row);
        else if (row.expires_at !== expiresAt || row.service !== service || row.lease !== lease) {
          edit.renew(row, { expiresAt, service, lease });
        }
      }
      for (const one of wanted.values()) {
        edit.add({ name, type, data: one, ttlSeconds, view, expiresAt, service, lease });
      }
      if (select(edit, { name, type, view }).some((row) => row.ttl !== ttlSeconds)) {
        edit.setTtl(name, type, ttlSeconds, view);
      }
      return select(edit, { name, type, view });
    });
    return { records: result, serial };
  }

  remove(zone: DomainName, selection: RecordSelection, by: By): { deleted: StoredRecord[]; serial: number } {
    const { result, serial } = this.#editor.edit(zone, by, "record.delete", (edit) => {
      const rows = select(edit, selection);
      for (const row of rows) edit.remove(row);
      return rows;
    });
    return { deleted: result, serial };
  }

  removeOwned({ service, lease }: { service: string; lease: string }, by: By): { deleted: number; zones: string[] } {
    if (service === "") throw invalid("service", "must name the service whose records are to go");
    return this.#editor.together(() => {
      const owned = this.#rows.owned(service, lease);
      const removed = removeRows(this.#editor, owned, by, "record.delete_owned");
      return { deleted: owned.length, zones: removed };
    });
  }
}

/** Removes rows of several zones, each zone in one edit. Returns the zones. */
export function removeRows(
  editor: ZoneEditor,
  rows: readonly { zone: string; name: string; id: number }[],
  by: By,
  action: string,
): string[] {
  const zones = Map.groupBy(rows, ({ zone }) => zone);
  for (const [zone, ofZone] of zones) {
    const name = DomainName.parse(zone, "zone");
    const names = Map.groupBy(ofZone, (row) => row.name);
    editor.edit(name, by, action, (edit) => {
      for (const [relative, ofName] of names) {
        const ids = new Set(ofName.map(({ id }) => id));
        for (const row of edit.recordsAt(RecordName.stored(relative, name))) if (ids.has(row.id)) edit.remove(row);
      }
    });
  }
  return [...zones.keys()];
}

function select(edit: Edit, { name, type, value, view }: RecordSelection): StoredRecord[] {
  return edit.recordsAt(name).filter((row) =>
    (type === undefined || row.type === typeText(type)) && (value === undefined || row.value === value) &&
    (view === undefined || row.view === view)
  );
}
