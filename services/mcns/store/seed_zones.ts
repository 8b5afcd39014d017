import type { DomainName } from "../domain/name.ts";
import type { RecordSpec } from "../domain/record.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";
import type { ZoneEditor } from "./zone_editor.ts";
import type { By, ZoneStore } from "./zone_store.ts";

/** A zone as the config lists it. */
export interface ZoneSeed {
  name: DomainName;
  settings: ZoneSettings;
  records: readonly RecordSpec[];
}

const byConfig: By = { actor: "config", remote: "" };

/**
 * Inserts each zone with its records, in a transaction of its own, unless a zone of that name exists or ever existed
 * here: what the API changed or deleted stays so. Returns the names inserted.
 * Throws Conflict when a seed breaks a rule; then nothing of that zone is inserted.
 */
export function seedZones(editor: ZoneEditor, zones: ZoneStore, seeds: readonly ZoneSeed[]): string[] {
  const inserted: string[] = [];
  for (const { name, settings, records } of seeds) {
    // Looked at inside the transaction: at a hot restart two processes may seed at once.
    const isNew = editor.together(() => {
      if (zones.isKnown(name)) return false;
      editor.create(name, { settings }, byConfig, (edit) => {
        for (const record of records) edit.add(record);
      });
      return true;
    });
    if (isNew) inserted.push(name.text);
  }
  return inserted;
}
