import type { AuditLog } from "@lib/audit/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import type { Database } from "@lib/db/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Views } from "../domain/views.ts";
import { ChangeLog } from "./change_log.ts";
import { ChangeStore } from "./change_store.ts";
import { Journal } from "./journal.ts";
import { DnssecRecords } from "./published.ts";
import { RecordRows } from "./record_rows.ts";
import { RecordStore } from "./record_store.ts";
import { ZoneEditor } from "./zone_editor.ts";
import { ZoneFiles } from "./zone_files.ts";
import { ZoneFollower } from "./zone_follower.ts";
import { StagedZones } from "./staged_zones.ts";
import { ZoneStore } from "./zone_store.ts";

/** Everything that reads and changes zones, over one database. */
export interface ZoneStores {
  readonly zones: ZoneStore;
  readonly rows: RecordRows;
  readonly records: RecordStore;
  readonly changes: ChangeStore;
  readonly files: ZoneFiles;
  readonly editor: ZoneEditor;
  readonly follower: ZoneFollower;
  readonly staged: StagedZones;
}

/** Builds them in the order in which they need each other. `journalBytes`: per zone. */
export function zoneStores(
  db: Database,
  { audit, views, journalBytes, clock, log }: {
    audit: AuditLog;
    views: Views;
    journalBytes: number;
    clock: Clock;
    log: Logger;
  },
): ZoneStores {
  const zones = new ZoneStore(db, audit);
  const rows = new RecordRows(db);
  const dnssec = new DnssecRecords(db);
  const follower = new ZoneFollower({ zones, rows, dnssec, views }, log);
  const changes = new ChangeLog(db);
  const journal = new Journal(db, journalBytes);
  const staged = new StagedZones(db, clock, log);
  const editor = new ZoneEditor({ db, zones, rows, dnssec, journal, changes, audit, follower, views, log });
  return {
    zones,
    rows,
    records: new RecordStore(zones, rows, editor),
    changes: new ChangeStore(changes, editor),
    files: new ZoneFiles({ zones, rows, dnssec, journal, editor, staged, follower, clock, log }),
    staged,
    editor,
    follower,
  };
}
