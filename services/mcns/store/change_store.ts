import { rfc3339 } from "@lib/clock/mod.ts";
import { conflict, notFound, quote } from "@lib/errors/mod.ts";
import type { DomainName } from "../domain/name.ts";
import { parseData } from "../domain/rdata/record_data.ts";
import { typeCode } from "../domain/rdata/record_type.ts";
import { RecordName } from "../domain/record_name.ts";
import type { Change, ChangeLog, HistoryRecord } from "./change_log.ts";
import type { Edit } from "./edit_session.ts";
import type { ZoneEditor } from "./zone_editor.ts";
import type { By } from "./zone_store.ts";

/** History of zones, and the way back. */
export class ChangeStore {
  readonly #log: ChangeLog;
  readonly #editor: ZoneEditor;

  constructor(log: ChangeLog, editor: ZoneEditor) {
    this.#log = log;
    this.#editor = editor;
  }

  /** Latest first, also of a zone that is gone. `before`: those with a smaller id; null for the latest. */
  list(zone: DomainName, name: RecordName | null, page: { limit: number; before: number | null }): Change[] {
    return this.#log.list(zone.text, name?.relative ?? null, page);
  }

  /** Throws NotFound. */
  get(zone: DomainName, id: number): Change {
    const change = this.#log.find(zone.text, id);
    if (change === undefined) {
      throw notFound("change", String(id), { hint: `List the changes of ${zone}; old ones go after 10,000 newer.` });
    }
    return change;
  }

  /**
   * Takes a change of records back: removes what it added and adds what it removed, as a change of its own. Throws
   * Conflict when a record that it added is not there any more as it was (its TTL, end and lease count), or one that it
   * removed is there again or would be gone at once: then nothing happens.
   */
  undo(zone: DomainName, id: number, by: By): Change {
    const change = this.get(zone, id);
    if (change.isShortened) {
      throw conflict(`Cannot undo change ${id} of ${zone}: it has more records than history keeps`, {
        hint: "Import the zone file from before it.",
      });
    }
    if (change.removed.length === 0 && change.added.length === 0) {
      throw conflict(`Cannot undo change ${id} of ${zone}: ${quote(change.action)} changed no records`);
    }
    return this.#editor.together(() => {
      this.#editor.edit(zone, by, "undo", (edit) => takeBack(edit, change), id);
      return this.#log.list(zone.text, null, { limit: 1, before: null })[0]!;
    });
  }
}

function takeBack(edit: Edit, { id, zone, added, removed }: Change): void {
  const hint = "Look at the changes since then, and change the records by hand.";
  for (const record of added) {
    const row = edit.recordsAt(RecordName.stored(record.name, edit.name)).find((row) =>
      row.type === record.type && row.value === record.value && row.view === (record.view ?? "") &&
      row.ttl === record.ttl && row.expires_at === (record.expires_at ?? null) &&
      row.service === (record.service ?? "") && row.lease === (record.lease ?? "")
    );
    if (row === undefined) {
      throw conflict(`Cannot undo change ${id} of ${zone}: ${lineOf(record)} has changed since or is gone`, { hint });
    }
    edit.remove(row);
  }
  for (const record of removed) {
    const { expires_at: expiresAt = null } = record;
    if (expiresAt !== null && expiresAt <= edit.at) {
      throw conflict(
        `Cannot undo change ${id} of ${zone}: the time of ${lineOf(record)} was over at ${rfc3339(expiresAt)}`,
        { hint: "Add the record anew, with another end or with none." },
      );
    }
    const type = typeCode(record.type);
    edit.add({
      name: RecordName.stored(record.name, edit.name),
      type,
      data: parseData(type, record.value, { formOnly: true }),
      ttlSeconds: record.ttl,
      view: record.view ?? "",
      expiresAt,
      service: record.service ?? "",
      lease: record.lease ?? "",
    });
  }
}

/** "www 300 A 192.0.2.1", as history shows it. */
export function lineOf({ name, ttl, type, value }: HistoryRecord): string {
  return `${name} ${ttl} ${type} ${value}`;
}
