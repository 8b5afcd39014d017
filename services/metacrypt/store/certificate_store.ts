/**
 * Issued certificates: what finds them in the clear, the record encrypted.
 * @module
 */
import type { Database, Statement } from "@lib/db/mod.ts";

export interface CertificateRow {
  /** Order of issuance. */
  id: number;
  mount: string;
  serial: string;
  /** ms since the epoch. */
  notAfter: number;
  /** Encrypted by the barrier. */
  record: Uint8Array<ArrayBuffer>;
}

export interface CertificateQuery {
  mount: string;
  /** Only certificates that carry it; empty: all. */
  name: string;
  /** Only rows older than this id; null: from the newest. */
  before: number | null;
  limit: number;
}

/** Reads certificates. */
export interface CertificateReader {
  get(mount: string, serial: string): CertificateRow | null;
  /** Newest first. */
  list(query: CertificateQuery): CertificateRow[];
}

/** Reads and writes certificates; writing belongs inside `db.write`. */
export class CertificateStore implements CertificateReader {
  readonly #get: Statement<CertificateRow>;
  readonly #list: Statement<CertificateRow>;
  readonly #listByName: Statement<CertificateRow>;
  readonly #add: Statement<unknown>;
  readonly #addName: Statement<unknown>;
  readonly #replace: Statement<unknown>;

  constructor(db: Database) {
    const columns = "c.id, c.mount, c.serial, c.not_after AS notAfter, c.record";
    this.#get = db.prepare(`SELECT ${columns} FROM certificates c WHERE c.mount = ? AND c.serial = ?`);
    this.#list = db.prepare(
      `SELECT ${columns} FROM certificates c WHERE c.mount = ? AND c.id < ? ORDER BY c.id DESC LIMIT ?`,
    );
    this.#listByName = db.prepare(
      `SELECT ${columns} FROM certificate_names n JOIN certificates c ON c.id = n.certificate_id
       WHERE n.name = ? AND c.mount = ? AND c.id < ? ORDER BY c.id DESC LIMIT ?`,
    );
    this.#add = db.prepare(
      "INSERT INTO certificates (mount, serial, not_after, record, created_at) VALUES (?, ?, ?, ?, ?)",
    );
    this.#addName = db.prepare("INSERT INTO certificate_names (name, certificate_id) VALUES (?, ?)");
    this.#replace = db.prepare("UPDATE certificates SET record = ? WHERE serial = ? AND record = ?");
  }

  get(mount: string, serial: string): CertificateRow | null {
    return this.#get.get(mount, serial) ?? null;
  }

  list(query: CertificateQuery): CertificateRow[] {
    const before = query.before ?? Number.MAX_SAFE_INTEGER;
    return query.name === ""
      ? this.#list.all(query.mount, before, query.limit)
      : this.#listByName.all(query.name, query.mount, before, query.limit);
  }

  add(row: Omit<CertificateRow, "id">, names: readonly string[], at: number): void {
    const { lastInsertRowid } = this.#add.run(row.mount, row.serial, row.notAfter, row.record, at);
    for (const name of names) this.#addName.run(name, lastInsertRowid);
  }

  /** Puts another record in the place of exactly this one. @returns false when it was changed meanwhile */
  replaceRecord(row: CertificateRow, record: Uint8Array): boolean {
    return this.#replace.run(record, row.serial, row.record).changes > 0;
  }
}
