import type { Database, Statement } from "@lib/db/mod.ts";
import type { Digest } from "../domain/digest.ts";

export interface TagRow {
  name: string;
  digest: Digest;
  mediaType: string;
  size: number;
  updatedAt: number;
}

/** Tags: names that move between the manifests of a repository. */
export class TagStore {
  readonly #put: Statement<never>;
  readonly #delete: Statement<never>;
  readonly #list: Statement<TagRow>;

  constructor(db: Database) {
    this.#put = db.prepare(
      `INSERT INTO tags (repository_id, name, manifest_id, updated_at, updated_by) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (repository_id, name) DO UPDATE SET
         manifest_id = excluded.manifest_id, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
    );
    this.#delete = db.prepare("DELETE FROM tags WHERE repository_id = ? AND name = ?");
    this.#list = db.prepare(
      `SELECT t.name, m.digest, m.media_type AS mediaType, m.size, t.updated_at AS updatedAt
       FROM tags t JOIN manifests m ON m.id = t.manifest_id
       WHERE t.repository_id = ?1 AND (lower(t.name), t.name) > (lower(?2), ?2)
       ORDER BY lower(t.name), t.name LIMIT ?3`,
    );
  }

  /** Points the tag at a manifest of the repository. Inside `db.write`. */
  put(repositoryId: number, name: string, manifestId: number, by: string, at: number): void {
    this.#put.run(repositoryId, name, manifestId, at, by);
  }

  /** Whether there was such a tag; the manifest stays. Inside `db.write`. */
  delete(repositoryId: number, name: string): boolean {
    return this.#delete.run(repositoryId, name).changes > 0;
  }

  /** At most `limit` tags after the tag `after`, in case-insensitive order (OCI distribution 1.1, "Listing Tags"). */
  list(repositoryId: number, after: string, limit: number): TagRow[] {
    return this.#list.all(repositoryId, after, limit);
  }
}
