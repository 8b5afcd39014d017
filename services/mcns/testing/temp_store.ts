/** The store on a real database in a temporary folder, with the zones in memory that follow it. */
import { AuditLog, auditMigration } from "@lib/audit/mod.ts";
import { FakeClock } from "@lib/clock/mod.ts";
import { type Database, openDatabase } from "@lib/db/mod.ts";
import { type Logger, silentLogger } from "@lib/log/mod.ts";
import { DomainName } from "../domain/name.ts";
import type { RecordSpec } from "../domain/record.ts";
import { formatData, readSoa } from "../domain/rdata/record_data.ts";
import { typeCode, types } from "../domain/rdata/record_type.ts";
import { parseSeedRecord } from "../domain/seed.ts";
import { type View, Views } from "../domain/views.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";
import { migrations } from "../store/migrations.ts";
import { type ZoneStores, zoneStores } from "../store/zone_stores.ts";
import type { By } from "../store/zone_store.ts";

export const by: By = { actor: "ada", remote: "127.0.0.1:50000" };

export const settings: ZoneSettings = {
  primaryNs: "ns1.example.org",
  adminEmail: "admin@example.org",
  refresh: 3600,
  retry: 600,
  expire: 604800,
  minimum: 300,
};

/** One process's view of the database. */
export interface Opened extends ZoneStores, Disposable {
  db: Database;
  views: Views;
  /** What clients in no view see. */
  directory: ZoneDirectory;
  audit: AuditLog;
  /** Adds "www 300 A 192.0.2.1"; returns the zone's serial. */
  add(zone: DomainName, line: string, more?: Partial<RecordSpec>): number;
}

export interface StoreUnderTest extends Opened, AsyncDisposable {
  clock: FakeClock;
  path: string;
  /** Opens the same database once more, as a second process does. Dispose it. */
  open(): Opened;
}

export interface StoreOptions {
  views?: readonly View[];
  journalBytes?: number;
  log?: Logger;
}

/** At 2026-11-21 12:00 UTC. */
export async function storeUnderTest(options: StoreOptions = {}): Promise<StoreUnderTest> {
  const folder = await Deno.makeTempDir({ prefix: "mcns-" });
  const path = `${folder}/mcns.db`;
  const clock = new FakeClock(Date.UTC(2026, 10, 21, 12));
  const { journalBytes = 100_000, log = silentLogger } = options;
  const open = (): Opened => {
    const db = openDatabase({ path, migrations: [auditMigration, ...migrations], durability: "full", clock });
    const views = new Views(options.views);
    const audit = new AuditLog(db);
    const stores = zoneStores(db, { audit, views, journalBytes, clock, log });
    stores.follower.reload();
    return {
      ...stores,
      db,
      views,
      directory: views.general,
      audit,
      add(zone, line, more = {}) {
        return stores.records.add(zone, { ...parseSeedRecord(line, zone, "record"), ...more }, by).serial;
      },
      [Symbol.dispose]: () => db.close(),
    };
  };
  const first = open();
  return {
    ...first,
    clock,
    path,
    open,
    [Symbol.dispose]: () => first.db.close(),
    async [Symbol.asyncDispose]() {
      first.db.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

export const zoneName = (text: string): DomainName => DomainName.parse(text, "zone");

/**
 * What the zones in memory say to "www.example.org A": "300 192.0.2.1 192.0.2.2", "serial 2026112100" for an SOA, the kind
 * of finding (with the target of a CNAME), or "no zone".
 */
export function lookUp(directory: ZoneDirectory, text: string): string {
  const [name = "", type = "A"] = text.split(" ");
  const { key } = DomainName.parse(name, "name");
  const zone = directory.zoneFor(key);
  if (zone === undefined) return "no zone";
  if (!zone.isAnswerable) return "not answerable";
  const { kind, set } = zone.find(key, typeCode(type));
  if (set === null) return kind;
  const values = set.data.map((data) => formatData(set.type, data)).join(" ");
  if (kind !== "records") return `${kind} ${values}`;
  return set.type === types.SOA ? `serial ${readSoa(set.data[0]!).serial}` : `${set.ttlSeconds} ${values}`;
}
