import type { AuditLog } from "@lib/audit/mod.ts";
import type { Database } from "@lib/db/mod.ts";
import type { KeyVault } from "./key_vault.ts";
import { SecondaryStore } from "./secondary_store.ts";
import { TsigKeyStore } from "./tsig_key_store.ts";
import { ZonePeerStore } from "./zone_peer_store.ts";

/** What is kept of other servers. */
export interface TransferStores {
  readonly keys: TsigKeyStore;
  readonly peers: ZonePeerStore;
  readonly secondaries: SecondaryStore;
}

/** Throws Unavailable when the vault's key isn't the one that the TSIG secrets were sealed with. */
export function transferStores(db: Database, audit: AuditLog, vault: KeyVault): TransferStores {
  return {
    keys: new TsigKeyStore(db, audit, vault),
    peers: new ZonePeerStore(db, audit),
    secondaries: new SecondaryStore(db),
  };
}
