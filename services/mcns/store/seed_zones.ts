import type { Database } from "@lib/db/mod.ts";
import type { DomainName } from "../domain/name.ts";
import type { SeedRecord } from "../domain/seed.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";
import type { RecordStore } from "./record_store.ts";
import type { By, ZoneStore } from "./zone_store.ts";

/** A zone as the config lists it. */
export interface ZoneSeed {
  name: DomainName;
  settings: ZoneSettings;
  records: readonly SeedRecord[];
}

const byConfig: By = { actor: "config", remote: "" };

/**
 * Inserts each zone with its records, in a transaction of its own, unless a zone of that name exists or ever existed
 * here: what the API changed or deleted stays so. Returns the names inserted. The zones in memory don't change: read them afterwards.
 * Throws Conflict when a seed breaks a rule; then nothing of that zone is inserted.
 */
export function seedZones(db: Database, zones: ZoneStore, records: RecordStore, seeds: readonly ZoneSeed[]): string[] {
  const inserted: string[] = [];
  for (const { name, settings, records: seedRecords } of seeds) {
    // Looked at inside the transaction: at a hot restart two processes may seed at once.
    const isNew = db.write((at) => {
      if (zones.isKnown(name)) return false;
      const zone = zones.insert(name, settings, byConfig, at);
      for (const { name, value, ttlSeconds } of seedRecords) records.insert(zone, name, value, ttlSeconds, at);
      return true;
    });
    if (isNew) inserted.push(name.text);
  }
  return inserted;
}
