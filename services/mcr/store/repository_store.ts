import type { Database, Statement } from "@lib/db/mod.ts";
import type { RepositoryName } from "../domain/repository_name.ts";

export interface RepositoryRow {
  id: number;
  name: string;
  tags: number;
  manifests: number;
  updatedAt: number;
}

/** Repositories: made by the first blob or manifest that is committed to them. */
export class RepositoryStore {
  readonly #find: Statement<{ id: number }>;
  readonly #insert: Statement<never>;
  readonly #touch: Statement<never>;
  readonly #get: Statement<RepositoryRow>;
  readonly #names: Statement<{ name: string }>;
  readonly #count: Statement<{ count: number }>;

  constructor(db: Database) {
    this.#find = db.prepare("SELECT id FROM repositories WHERE name = ?");
    this.#insert = db.prepare("INSERT INTO repositories (name, created_at, updated_at) VALUES (?, ?, ?)");
    this.#touch = db.prepare("UPDATE repositories SET updated_at = ? WHERE id = ?");
    this.#get = db.prepare(
      `SELECT r.id, r.name, r.updated_at AS updatedAt,
         (SELECT count(*) FROM tags t WHERE t.repository_id = r.id) AS tags,
         (SELECT count(*) FROM manifests m WHERE m.repository_id = r.id) AS manifests
       FROM repositories r WHERE r.name = ?`,
    );
    this.#names = db.prepare("SELECT name FROM repositories WHERE name > ? ORDER BY name LIMIT ?");
    this.#count = db.prepare("SELECT count(*) AS count FROM repositories");
  }

  /** The repository's id, or null when nothing was ever pushed to it. */
  find(name: RepositoryName): number | null {
    return this.#find.get(name)?.id ?? null;
  }

  /** The repository's id; makes the repository. Inside `db.write`. */
  ensure(name: RepositoryName, at: number): number {
    const id = this.find(name);
    if (id === null) return this.#insert.run(name, at, at).lastInsertRowid;
    this.#touch.run(at, id);
    return id;
  }

  /** The repository with its counts, or null. */
  get(name: string): RepositoryRow | null {
    return this.#get.get(name) ?? null;
  }

  /** At most `limit` names after `after`, in the order of their bytes. */
  names(after: string, limit: number): string[] {
    return this.#names.all(after, limit).map(({ name }) => name);
  }

  count(): number {
    return this.#count.get()!.count;
  }
}
