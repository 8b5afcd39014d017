import type { Database, Statement } from "@lib/db/mod.ts";

/** A deploy that was cut off. */
export interface UnfinishedDeploy {
  readonly id: number;
  readonly service: string;
  readonly actor: string;
}

/** The log of deploys. */
export class DeployStore {
  readonly #db: Database;
  readonly #begin: Statement<never>;
  readonly #fail: Statement<never>;
  readonly #unfinished: Statement<UnfinishedDeploy>;

  constructor(db: Database) {
    this.#db = db;
    this.#begin = db.prepare(
      "INSERT INTO deploys (service, definition, actor, state, started_at) VALUES (?, ?, ?, 'running', ?)",
    );
    this.#fail = db.prepare("UPDATE deploys SET state = 'failed', finished_at = ?, error = ? WHERE id = ?");
    this.#unfinished = db.prepare("SELECT id, service, actor FROM deploys WHERE state = 'running' ORDER BY id");
  }

  /** @returns the deploy's number */
  begin(service: string, definition: string, actor: string): number {
    return this.#db.write((at) => this.#begin.run(service, definition, actor, at).lastInsertRowid);
  }

  /** Notes why a deploy failed. One that is done is noted with its release (ServiceStore.commit). */
  fail(id: number, error: string): void {
    this.#db.write((at) => this.#fail.run(at, error, id));
  }

  unfinished(): UnfinishedDeploy[] {
    return this.#unfinished.all();
  }
}
