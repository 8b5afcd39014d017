import type { Database, Statement } from "@lib/db/mod.ts";
import type { Release } from "../domain/release.ts";

/** A service of this node. */
export interface ServiceRow {
  readonly name: string;
  readonly desired: "running" | "stopped";
  readonly release: Release;
  readonly platform: boolean;
  readonly platformSha256: string;
  /** Milliseconds since the epoch. */
  readonly deployedAt: number;
  readonly deployedBy: string;
}

interface Stored {
  name: string;
  desired: "running" | "stopped";
  release: string;
  platform: number;
  platform_sha256: string;
  deployed_at: number;
  deployed_by: string;
}

export interface ServiceReader {
  get(name: string): ServiceRow | null;
  /** By name. */
  list(): ServiceRow[];
}

/** The services and their committed releases. */
export class ServiceStore implements ServiceReader {
  readonly #db: Database;
  readonly #get: Statement<Stored>;
  readonly #list: Statement<Stored>;
  readonly #put: Statement<never>;
  readonly #setDesired: Statement<never>;
  readonly #setRelease: Statement<never>;
  readonly #seen: Statement<never>;
  readonly #remove: Statement<never>;
  readonly #finish: Statement<never>;

  constructor(db: Database) {
    this.#db = db;
    this.#get = db.prepare("SELECT * FROM services WHERE name = ?");
    this.#list = db.prepare("SELECT * FROM services ORDER BY name");
    this.#put = db.prepare(`
      INSERT INTO services (name, desired, release, platform, platform_sha256, deployed_at, deployed_by)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET
        desired = excluded.desired, release = excluded.release, platform = max(platform, excluded.platform),
        platform_sha256 = CASE excluded.platform_sha256 WHEN '' THEN platform_sha256 ELSE excluded.platform_sha256 END,
        deployed_at = excluded.deployed_at, deployed_by = excluded.deployed_by`);
    this.#setDesired = db.prepare("UPDATE services SET desired = ? WHERE name = ?");
    this.#setRelease = db.prepare("UPDATE services SET release = ? WHERE name = ?");
    this.#seen = db.prepare("UPDATE services SET platform = 1, platform_sha256 = ? WHERE name = ?");
    this.#remove = db.prepare("DELETE FROM services WHERE name = ?");
    this.#finish = db.prepare("UPDATE deploys SET state = 'done', finished_at = ? WHERE id = ?");
  }

  get(name: string): ServiceRow | null {
    const row = this.#get.get(name);
    return row === undefined ? null : read(row);
  }

  list(): ServiceRow[] {
    return this.#list.all().map(read);
  }

  /**
   * Commits a release: from here on it is the one that failures go back to. A service of the platform stays one.
   * @param deploy the deploy that is done with it, in the same transaction; null: there was none
   */
  commit(row: Omit<ServiceRow, "deployedAt">, deploy: number | null): void {
    const { name, desired, release, platform, platformSha256, deployedBy } = row;
    this.#db.write((at) => {
      this.#put.run(name, desired, JSON.stringify(release), platform ? 1 : 0, platformSha256, at, deployedBy);
      if (deploy !== null) this.#finish.run(at, deploy);
    });
  }

  setDesired(name: string, desired: "running" | "stopped"): void {
    this.#db.write(() => this.#setDesired.run(desired, name));
  }

  /** Replaces the committed release without calling it a deploy: ports that were picked anew. */
  setRelease(name: string, release: Release): void {
    this.#db.write(() => this.#setRelease.run(JSON.stringify(release), name));
  }

  /** Notes that the platform file of this SHA-256 has been looked at, and left the release as it is. */
  markPlatform(name: string, sha256: string): void {
    this.#db.write(() => this.#seen.run(sha256, name));
  }

  remove(name: string): void {
    this.#db.write(() => this.#remove.run(name));
  }
}

function read(row: Stored): ServiceRow {
  return {
    name: row.name,
    desired: row.desired,
    release: JSON.parse(row.release) as Release,
    platform: row.platform === 1,
    platformSha256: row.platform_sha256,
    deployedAt: row.deployed_at,
    deployedBy: row.deployed_by,
  };
}
