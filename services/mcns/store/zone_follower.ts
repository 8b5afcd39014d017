/**
 * Keeps the zones in memory as the database has them.
 *
 * A commit of this process: the store calls `recordsChanged`, `zoneChanged` or `zoneRemoved` right after it, in the same
 * turn. A commit of another process: `reload` is called when SQLite's data version has moved (lib/service,
 * watchDatabase), and reads every zone again whose serial differs. When both happen at once, our own
 * change may raise the serial past the other's unseen one; so `recordsChanged` compares the serial that its transaction
 * started from with the one in memory, and reads the whole zone when they differ.
 */
import type { Database, Statement } from "@lib/db/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { DomainName } from "../domain/name.ts";
import { parseRecordType, parseRecordValue } from "../domain/record.ts";
import type { RecordName } from "../domain/record_name.ts";
import { parseMailbox, type Soa } from "../domain/soa.ts";
import { Zone, type ZoneRecord } from "../domain/zone.ts";
import type { ZoneDirectory } from "../domain/zone_directory.ts";

/** What a store tells after a commit. */
export interface CommitListener {
  /** The records at `name` are others now. */
  recordsChanged(change: { zone: DomainName; name: RecordName; serialBefore: number }): void;
  /** The zone is new, or its settings are. */
  zoneChanged(zone: DomainName): void;
  zoneRemoved(zone: DomainName): void;
}

interface ZoneRow {
  id: number;
  name: string;
  primary_ns: string;
  admin_email: string;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
  serial: number;
}

interface RecordRow {
  name: string;
  type: string;
  value: string;
  ttl: number;
}

const zoneColumns = "id, name, primary_ns, admin_email, refresh, retry, expire, minimum, serial";

export class ZoneFollower implements CommitListener {
  readonly #directory: ZoneDirectory;
  readonly #log: Logger;
  readonly #zones: Statement<ZoneRow>;
  readonly #zone: Statement<ZoneRow>;
  readonly #records: Statement<RecordRow>;
  readonly #recordsAt: Statement<RecordRow>;

  constructor(db: Database, directory: ZoneDirectory, log: Logger) {
    this.#directory = directory;
    this.#log = log;
    this.#zones = db.prepare(`SELECT ${zoneColumns} FROM zones`);
    this.#zone = db.prepare(`SELECT ${zoneColumns} FROM zones WHERE name = ?`);
    // In the order of the unique index, so that the records of a name follow each other.
    this.#records = db.prepare(
      "SELECT name, type, value, ttl FROM records WHERE zone_id = ? ORDER BY name, type, value",
    );
    this.#recordsAt = db.prepare(
      "SELECT name, type, value, ttl FROM records WHERE zone_id = ? AND name = ? ORDER BY type, value",
    );
  }

  /** Brings every zone up to date; at start, and when another process has committed. */
  reload(): void {
    const rows = this.#zones.all();
    const names = new Set<string>();
    for (const row of rows) {
      const name = DomainName.parse(row.name, "zones.name");
      names.add(name.key);
      if (this.#directory.get(name.key)?.soa.serial !== row.serial) this.#read(row, name);
    }
    for (const { name } of [...this.#directory]) {
      if (!names.has(name.key)) this.#directory.remove(name.key);
    }
  }

  recordsChanged({ zone, name, serialBefore }: { zone: DomainName; name: RecordName; serialBefore: number }): void {
    const row = this.#zone.get(zone.text);
    if (row === undefined) return this.#directory.remove(zone.key);
    const inMemory = this.#directory.get(zone.key);
    if (inMemory === undefined || inMemory.soa.serial !== serialBefore) return this.#read(row, zone);
    inMemory.setRecords(name.absolute, this.#parseAll(zone, this.#recordsAt.all(row.id, name.relative)));
    inMemory.setSoa(soaOf(row));
  }

  zoneChanged(zone: DomainName): void {
    const row = this.#zone.get(zone.text);
    if (row === undefined) this.#directory.remove(zone.key);
    else this.#read(row, zone);
  }

  zoneRemoved(zone: DomainName): void {
    this.#directory.remove(zone.key);
  }

  /** Reads the whole zone and puts it in the old one's place. */
  #read(row: ZoneRow, name: DomainName): void {
    const zone = new Zone(name, soaOf(row));
    let at: string | null = null;
    let group: RecordRow[] = [];
    const put = () => {
      if (at !== null) zone.setRecords(absoluteOf(at, name), this.#parseAll(name, group));
    };
    for (const record of this.#records.iterate(row.id)) {
      if (record.name !== at) {
        put();
        at = record.name;
        group = [];
      }
      group.push(record);
    }
    put();
    this.#directory.put(zone);
  }

  #parseAll(zone: DomainName, rows: readonly RecordRow[]): ZoneRecord[] {
    const records: ZoneRecord[] = [];
    for (const { name, type, value, ttl } of rows) {
      try {
        records.push({ ttlSeconds: ttl, value: parseRecordValue(parseRecordType(type), value) });
      } catch (error) {
        // A row that no program of ours wrote; the others are answered.
        this.#log.error("a record in the database is left out", {
          zone: zone.text,
          record: name,
          error: messageOf(error),
        });
      }
    }
    return records;
  }
}

function soaOf(row: ZoneRow): Soa {
  const { refresh, retry, expire, minimum, serial } = row;
  return {
    primaryNs: DomainName.parse(row.primary_ns, "zones.primary_ns"),
    mailbox: parseMailbox(row.admin_email, "zones.admin_email"),
    serial,
    refresh,
    retry,
    expire,
    minimum,
  };
}

function absoluteOf(relative: string, zone: DomainName): DomainName {
  return relative === "@" ? zone : DomainName.fromLabels(relative.split("."), "records.name", zone);
}
