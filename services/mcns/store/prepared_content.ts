import type { RecordSet, Zone } from "../domain/zone.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";
import type { HistoryRecord } from "./change_log.ts";
import type { JournalStep } from "./journal.ts";
import type { ZoneRow } from "./zone_store.ts";

/** What a zone is to hold, prepared while it is answered from as it was; ZoneEditor.adopt makes it the zone's. */
export interface PreparedContent {
  /** The zone when the preparations began; null for one that is to be made. */
  readonly basis: ZoneRow | null;
  /** The zones below it at that time: none of them holds a name that it is to have. */
  readonly below: readonly string[];
  readonly settings: ZoneSettings;
  /** Seconds. */
  readonly soaTtl: number;
  /** As it will be published, signatures included, but for the apex. */
  readonly aside: Zone;
  /** The apex's sets of the zone as it was. */
  readonly apexBefore: readonly RecordSet[];
  /** How the zone as published changes, but for the apex; null when it is more than a journal holds. */
  readonly step: JournalStep | null;
  /** For history. */
  readonly removed: readonly HistoryRecord[];
  readonly added: readonly HistoryRecord[];
  /** Stores rows and what signing made as they are in `aside`, inside the transaction; afterwards the zone's row may have another id. */
  write(row: ZoneRow, at: number): void;
}
