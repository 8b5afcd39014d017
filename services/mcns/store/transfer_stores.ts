import type { AuditLog } from "@lib/audit/mod.ts";
import type { Database } from "@lib/db/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
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

/** A TSIG secret that was sealed with another vault is logged and left out. */
export function transferStores(db: Database, audit: AuditLog, vault: KeyVault, log: Logger): TransferStores {
  return {
    keys: new TsigKeyStore(db, audit, vault, log),
    peers: new ZonePeerStore(db, audit),
    secondaries: new SecondaryStore(db),
  };
}
