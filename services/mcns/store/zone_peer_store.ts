import type { AuditLog } from "@lib/audit/mod.ts";
import type { Database, Statement } from "@lib/db/mod.ts";
import { invalid, quote } from "@lib/errors/mod.ts";
import { maxPeers, type PeerRole, type ZonePeer } from "../domain/zone_peer.ts";
import type { By, ZoneRow } from "./zone_store.ts";

interface Row {
  address: string;
  tsig_key: string;
  tls_name: string;
}

/** Both sides of a zone. */
export interface ZonePeers {
  /** In the order that they are asked. */
  readonly primaries: readonly ZonePeer[];
  readonly secondaries: readonly ZonePeer[];
}

/** Whom zones are transferred from and to. */
export class ZonePeerStore {
  readonly #audit: AuditLog;
  readonly #list: Statement<Row>;
  readonly #insert: Statement<never>;
  readonly #clear: Statement<never>;
  readonly #knowsKey: Statement<{ name: string }>;

  constructor(db: Database, audit: AuditLog) {
    this.#audit = audit;
    this.#list = db.prepare(
      "SELECT address, tsig_key, tls_name FROM zone_peers WHERE zone_id = ? AND role = ? ORDER BY position",
    );
    this.#insert = db.prepare(
      "INSERT INTO zone_peers (zone_id, role, position, address, tsig_key, tls_name) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#clear = db.prepare("DELETE FROM zone_peers WHERE zone_id = ?");
    this.#knowsKey = db.prepare("SELECT name FROM tsig_keys WHERE name = ?");
  }

  list({ id }: ZoneRow, role: PeerRole): ZonePeer[] {
    return this.#list.all(id, role).map(({ address, tsig_key, tls_name }) => ({
      address,
      tsigKey: tsig_key,
      tlsName: tls_name,
    }));
  }

  get(zone: ZoneRow): ZonePeers {
    return { primaries: this.list(zone, "primary"), secondaries: this.list(zone, "secondary") };
  }

  /** Replaces all peers of a zone, inside a transaction. Throws Invalid for a key that isn't here, and for more than 32 on a side. */
  set(zone: ZoneRow, peers: ZonePeers, by: By, at: number): void {
    this.#clear.run(zone.id);
    const sides = [["primary", peers.primaries, "primaries"], ["secondary", peers.secondaries, "secondaries"]] as const;
    for (const [role, side, field] of sides) {
      if (side.length > maxPeers) throw invalid(field, `has at most ${maxPeers} entries, got ${side.length}`);
      for (const [position, { address, tsigKey, tlsName }] of side.entries()) {
        if (tsigKey !== "" && this.#knowsKey.get(tsigKey) === undefined) {
          throw invalid(`${field}[${position}].tsig_key`, `no TSIG key ${quote(tsigKey)} is here; create it first`);
        }
        this.#insert.run(zone.id, role, position, address, tsigKey, tlsName);
      }
    }
    const shown = (side: readonly ZonePeer[]) => side.map(({ address, tsigKey }) => `${address} ${tsigKey}`.trim());
    const detail = `from ${shown(peers.primaries).join(", ") || "-"}; to ${shown(peers.secondaries).join(", ") || "-"}`;
    this.#audit.record(at, { ...by, action: "zone.transfer", target: zone.name, detail });
  }
}
