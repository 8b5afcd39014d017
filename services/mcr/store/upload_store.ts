import type { Database, Statement } from "@lib/db/mod.ts";
import type { DigestAlgorithm } from "../domain/digest.ts";
import type { RepositoryName } from "../domain/repository_name.ts";

export interface Upload {
  id: string;
  repository: RepositoryName;
  account: string;
  /** Hashed with this while it arrives; another one at the end costs one more reading. */
  algorithm: DigestAlgorithm;
  startedAt: number;
}

/** Uploads in progress. */
export class UploadStore {
  readonly #insert: Statement<never>;
  readonly #find: Statement<Upload>;
  readonly #delete: Statement<never>;
  readonly #ids: Statement<{ id: string }>;
  readonly #count: Statement<{ count: number }>;

  constructor(db: Database) {
    this.#insert = db.prepare(
      "INSERT INTO uploads (id, repository, account, algorithm, started_at) VALUES (?, ?, ?, ?, ?)",
    );
    this.#find = db.prepare(
      "SELECT id, repository, account, algorithm, started_at AS startedAt FROM uploads WHERE id = ?",
    );
    this.#delete = db.prepare("DELETE FROM uploads WHERE id = ?");
    this.#ids = db.prepare("SELECT id FROM uploads WHERE started_at < ?");
    this.#count = db.prepare("SELECT count(*) AS count FROM uploads");
  }

  /** Inside `db.write`. */
  add(upload: Omit<Upload, "startedAt">, at: number): void {
    this.#insert.run(upload.id, upload.repository, upload.account, upload.algorithm, at);
  }

  /** The upload, if it is one of this repository. */
  find(id: string, repository: RepositoryName): Upload | null {
    const upload = this.#find.get(id);
    return upload?.repository === repository ? upload : null;
  }

  /** Inside `db.write`. */
  delete(id: string): void {
    this.#delete.run(id);
  }

  /** Uploads begun before `before` (ms since the epoch). */
  startedBefore(before: number): string[] {
    return this.#ids.all(before).map(({ id }) => id);
  }

  count(): number {
    return this.#count.get()!.count;
  }
}
