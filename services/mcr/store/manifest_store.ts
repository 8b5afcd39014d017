import type { Database, Statement } from "@lib/db/mod.ts";
import type { Digest } from "../domain/digest.ts";
import type { Manifest } from "../domain/manifest.ts";

export interface StoredManifest {
  id: number;
  digest: Digest;
  mediaType: string;
  size: number;
}

export interface ManifestBody extends StoredManifest {
  body: Uint8Array<ArrayBuffer>;
}

/** What the referrers list shows of a manifest. */
export interface Referrer {
  digest: Digest;
  mediaType: string;
  artifactType: string | null;
  size: number;
  /** JSON text. */
  annotations: string;
}

export interface NewManifest {
  repositoryId: number;
  digest: Digest;
  manifest: Manifest;
  body: Uint8Array;
  pushedBy: string;
}

const columns = "m.id, m.digest, m.media_type AS mediaType, m.size";

/** Manifests with what they refer to. */
export class ManifestStore {
  readonly #byDigest: Statement<StoredManifest>;
  readonly #byTag: Statement<StoredManifest>;
  readonly #body: Statement<{ body: Uint8Array<ArrayBuffer> }>;
  readonly #insert: Statement<never>;
  readonly #addBlob: Statement<never>;
  readonly #addChild: Statement<never>;
  readonly #delete: Statement<never>;
  readonly #referrers: Statement<Referrer>;
  readonly #count: Statement<{ count: number }>;

  constructor(db: Database) {
    this.#byDigest = db.prepare(`SELECT ${columns} FROM manifests m WHERE m.repository_id = ? AND m.digest = ?`);
    this.#byTag = db.prepare(
      `SELECT ${columns} FROM tags t JOIN manifests m ON m.id = t.manifest_id WHERE t.repository_id = ? AND t.name = ?`,
    );
    this.#body = db.prepare("SELECT body FROM manifests WHERE id = ?");
    this.#insert = db.prepare(
      `INSERT INTO manifests
         (repository_id, digest, media_type, artifact_type, subject, annotations, size, body, pushed_at, pushed_by)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#addBlob = db.prepare(
      "INSERT INTO manifest_blobs (manifest_id, repository_id, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#addChild = db.prepare(
      "INSERT INTO manifest_children (manifest_id, digest) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#delete = db.prepare("DELETE FROM manifests WHERE id = ?");
    this.#referrers = db.prepare(
      `SELECT digest, media_type AS mediaType, artifact_type AS artifactType, size, annotations FROM manifests
       WHERE repository_id = ?1 AND subject = ?2 AND digest > ?3 AND (?4 = '' OR artifact_type = ?4)
       ORDER BY digest LIMIT ?5`,
    );
    this.#count = db.prepare("SELECT count(*) AS count FROM manifests");
  }

  byDigest(repositoryId: number, digest: Digest): StoredManifest | null {
    return this.#byDigest.get(repositoryId, digest) ?? null;
  }

  byTag(repositoryId: number, tag: string): StoredManifest | null {
    return this.#byTag.get(repositoryId, tag) ?? null;
  }

  body(id: number): Uint8Array<ArrayBuffer> {
    return this.#body.get(id)!.body;
  }

  /**
   * Puts a manifest in, or finds the same one already there. Its blobs must be
   * linked to the repository. Inside `db.write`.
   * @returns its id
   */
  add({ repositoryId, digest, manifest, body, pushedBy }: NewManifest, at: number): number {
    const present = this.byDigest(repositoryId, digest);
    if (present !== null) return present.id;
    const id = this.#insert.run(
      repositoryId,
      digest,
      manifest.mediaType,
      manifest.artifactType,
      manifest.subject,
      JSON.stringify(manifest.annotations),
      body.length,
      body,
      at,
      pushedBy,
    ).lastInsertRowid;
    for (const blob of manifest.blobs) if (!blob.external) this.#addBlob.run(id, repositoryId, blob.digest);
    for (const child of manifest.children) this.#addChild.run(id, child.digest);
    return id;
  }

  /** Removes a manifest and the tags on it. Inside `db.write`. */
  delete(id: number): void {
    this.#delete.run(id);
  }

  /** Manifests attached to `subject`, by digest; with `artifactType` not "" only those of that type. */
  referrers(repositoryId: number, subject: Digest, artifactType: string, after: string, limit: number): Referrer[] {
    return this.#referrers.all(repositoryId, subject, after, artifactType, limit);
  }

  count(): number {
    return this.#count.get()!.count;
  }
}
