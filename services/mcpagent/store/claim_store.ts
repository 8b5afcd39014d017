import type { Database, Statement } from "@lib/db/mod.ts";
import { conflict, quote } from "@lib/errors/mod.ts";
import { type Claim, claimKey, claimText } from "../domain/release.ts";

/** What services hold; the table is written before a thing is made and after it is gone. */
export class ClaimStore {
  readonly #db: Database;
  readonly #holder: Statement<{ service: string }>;
  readonly #put: Statement<never>;
  readonly #drop: Statement<never>;
  readonly #of: Statement<{ claim: string }>;
  readonly #ports: Statement<{ key: string }>;
  readonly #services: Statement<{ service: string }>;

  constructor(db: Database) {
    this.#db = db;
    this.#holder = db.prepare("SELECT service FROM claims WHERE kind = ? AND key = ?");
    this.#put = db.prepare(`
      INSERT INTO claims (kind, key, service, claim, claimed_at) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (kind, key) DO UPDATE SET claim = excluded.claim`);
    this.#drop = db.prepare("DELETE FROM claims WHERE kind = ? AND key = ? AND service = ?");
    this.#of = db.prepare("SELECT claim FROM claims WHERE service = ? ORDER BY kind, key");
    this.#ports = db.prepare("SELECT key FROM claims WHERE kind = 'port'");
    this.#services = db.prepare("SELECT DISTINCT service FROM claims ORDER BY service");
  }

  /**
   * Claims for a service; what it holds already stays its own.
   * @throws PlatformError conflict when another service holds it
   */
  take(service: string, claim: Claim): void {
    this.#db.write((at) => {
      const holder = this.#holder.get(claim.kind, claimKey(claim))?.service;
      if (holder !== undefined && holder !== service) {
        throw conflict(`Cannot give ${quote(service)} the ${claimText(claim)}: service ${quote(holder)} has it`, {
          hint: `Undeploy ${holder}, or choose another in the definition`,
        });
      }
      this.#put.run(claim.kind, claimKey(claim), service, JSON.stringify(claim), at);
    });
  }

  /** Gives a claim up; one that another service holds is left alone. */
  drop(service: string, claim: Claim): void {
    this.#db.write(() => this.#drop.run(claim.kind, claimKey(claim), service));
  }

  of(service: string): Claim[] {
    return this.#of.all(service).map(({ claim }) => JSON.parse(claim) as Claim);
  }

  /** Every port that a service holds. */
  ports(): Set<number> {
    return new Set(this.#ports.all().map(({ key }) => Number(key)));
  }

  /** Every service that holds something, deployed or not. */
  services(): string[] {
    return this.#services.all().map(({ service }) => service);
  }
}
