import type { Clock } from "@lib/clock/mod.ts";
import { type Database, openDatabase } from "@lib/db/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { ClaimStore } from "./claim_store.ts";
import { DeployStore } from "./deploy_store.ts";
import { EventStore } from "./event_store.ts";
import sql from "./migrations/001_registry.sql" with { type: "text" };
import { ServiceStore } from "./service_store.ts";

/** The agent's database. */
export interface Registry extends Disposable {
  readonly db: Database;
  readonly services: ServiceStore;
  readonly claims: ClaimStore;
  readonly deploys: DeployStore;
  readonly events: EventStore;
}

export function openRegistry(options: { path: string; clock: Clock; log: Logger }): Registry {
  // "full": what was claimed must be on disk before it is made, or a power cut leaks it.
  const db = openDatabase({ ...options, migrations: [{ name: "001_registry", sql }], durability: "full" });
  return {
    db,
    services: new ServiceStore(db),
    claims: new ClaimStore(db),
    deploys: new DeployStore(db),
    events: new EventStore(db, options.log),
    [Symbol.dispose]: () => db.close(),
  };
}
