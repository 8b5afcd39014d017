/** The store on a real database in a temporary folder, with the zones in memory that follow it. */
import { AuditLog, auditMigration } from "@lib/audit/mod.ts";
import { FakeClock } from "@lib/clock/mod.ts";
import { type Database, openDatabase } from "@lib/db/mod.ts";
import { silentLogger } from "@lib/log/mod.ts";
import { DomainName } from "../domain/name.ts";
import { parseRecordValue, type RecordType, type RecordValue } from "../domain/record.ts";
import { RecordName } from "../domain/record_name.ts";
import { ZoneDirectory } from "../domain/zone_directory.ts";
import type { ZoneSettings } from "../domain/zone_settings.ts";
import zonesSql from "../store/migrations/001_zones.sql" with { type: "text" };
import { RecordStore } from "../store/record_store.ts";
import { ZoneFollower } from "../store/zone_follower.ts";
import { type By, ZoneStore } from "../store/zone_store.ts";

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
export interface Opened extends Disposable {
  db: Database;
  directory: ZoneDirectory;
  follower: ZoneFollower;
  zones: ZoneStore;
  records: RecordStore;
  audit: AuditLog;
}

export interface StoreUnderTest extends Opened, AsyncDisposable {
  clock: FakeClock;
  /** Opens the same database once more, as a second process does. Dispose it. */
  open(): Opened;
}

/** At 2026-11-21 12:00 UTC. */
export async function storeUnderTest(): Promise<StoreUnderTest> {
  const folder = await Deno.makeTempDir({ prefix: "mcns-" });
  const clock = new FakeClock(Date.UTC(2026, 10, 21, 12));
  const open = (): Opened => {
    const db = openDatabase({
      path: `${folder}/mcns.db`,
      migrations: [auditMigration, { name: "001_zones", sql: zonesSql }],
      durability: "full",
      clock,
    });
    const directory = new ZoneDirectory();
    const follower = new ZoneFollower(db, directory, silentLogger);
    const audit = new AuditLog(db);
    const zones = new ZoneStore(db, audit, follower);
    const records = new RecordStore(db, zones, audit, follower);
    follower.reload();
    return { db, directory, follower, zones, records, audit, [Symbol.dispose]: () => db.close() };
  };
  const first = open();
  return {
    ...first,
    clock,
    open,
    [Symbol.dispose]: () => first.db.close(),
    async [Symbol.asyncDispose]() {
      first.db.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

export const zoneName = (text: string): DomainName => DomainName.parse(text, "zone");

/** "www A 192.0.2.1" in a zone. */
export function parsed(zone: DomainName, text: string): { name: RecordName; value: RecordValue } {
  const [name = "", type = "", value = ""] = text.split(" ");
  return { name: RecordName.parse(name, zone), value: parseRecordValue(type as RecordType, value) };
}

/** What the zone in memory says to "www A": values joined, or "alias x", "no_data", "no_name", "no zone". */
export function lookUp(directory: ZoneDirectory, text: string): string {
  const [name = "", type = "A"] = text.split(" ");
  const { key } = DomainName.parse(name, "name");
  const finding = directory.zoneFor(key)?.find(key, type as RecordType);
  if (finding === undefined) return "no zone";
  if (finding.kind === "alias") return `alias ${finding.target}`;
  if (finding.kind !== "records") return finding.kind;
  const { set } = finding;
  if (set.type === "SOA") return `serial ${set.values[0]?.serial}`;
  if (set.type === "NS") return set.values.join(" ");
  return `${set.ttlSeconds} ${set.values.map((value) => value.text).join(" ")}`;
}
