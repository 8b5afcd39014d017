import type { Database, Statement } from "@lib/db/mod.ts";
import type { Digest } from "../domain/digest.ts";

/** Which blobs there are and from which repositories they may be pulled. The bytes are `BlobFiles`' business. */
export class BlobStore {
  readonly #size: Statement<{ size: number }>;
  readonly #insert: Statement<never>;
  readonly #link: Statement<never>;
  readonly #unlink: Statement<never>;
  readonly #user: Statement<{ digest: string }>;
  readonly #totals: Statement<{ count: number; bytes: number }>;

  constructor(db: Database) {
    this.#size = db.prepare(
      `SELECT b.size FROM repository_blobs l JOIN blobs b USING (digest) WHERE l.repository_id = ? AND l.digest = ?`,
    );
    this.#insert = db.prepare("INSERT INTO blobs (digest, size, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    this.#link = db.prepare(
      "INSERT INTO repository_blobs (repository_id, digest, linked_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#unlink = db.prepare("DELETE FROM repository_blobs WHERE repository_id = ? AND digest = ?");
    this.#user = db.prepare(
      `SELECT m.digest FROM manifest_blobs b JOIN manifests m ON m.id = b.manifest_id
       WHERE b.repository_id = ? AND b.digest = ? LIMIT 1`,
    );
    this.#totals = db.prepare("SELECT count(*) AS count, coalesce(sum(size), 0) AS bytes FROM blobs");
  }

  /** The size of a blob of the repository, or null when it has none of that digest. */
  size(repositoryId: number, digest: Digest): number | null {
    return this.#size.get(repositoryId, digest)?.size ?? null;
  }

  /** Notes a blob whose file is durable, and lets the repository have it. Inside `db.write`. */
  add(repositoryId: number, digest: Digest, size: number, at: number): void {
    this.#insert.run(digest, size, at);
    this.#link.run(repositoryId, digest, at);
  }

  /** Lets the repository have a blob that is already there. Inside `db.write`. */
  link(repositoryId: number, digest: Digest, at: number): void {
    this.#link.run(repositoryId, digest, at);
  }

  /** Takes the blob from the repository; its file stays. Inside `db.write`; the caller has asked `user` first. */
  unlink(repositoryId: number, digest: Digest): void {
    this.#unlink.run(repositoryId, digest);
  }

  /** A manifest of the repository that needs the blob, or null. */
  user(repositoryId: number, digest: Digest): string | null {
    return this.#user.get(repositoryId, digest)?.digest ?? null;
  }

  totals(): { count: number; bytes: number } {
    return this.#totals.get()!;
  }
}
