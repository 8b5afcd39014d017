/** What the operations need of the part that transfers zones. Times in ms since the epoch, null for none. */
import type { DomainName } from "../domain/name.ts";
import type { By } from "../store/zone_store.ts";

/** Another server of a zone; fields as in `ZonePeer` of the contract. */
export interface Peer {
  readonly address: string;
  readonly tsigKey: string;
  readonly tlsName: string;
}

/** What a secondary answered to the last NOTIFY. */
export interface NotifyState {
  readonly address: string;
  readonly serial: number;
  readonly acknowledged: boolean;
  /** "" for none. */
  readonly error: string;
  readonly at: number;
}

export interface TransferState {
  readonly zone: string;
  readonly kind: "primary" | "secondary";
  readonly primaries: readonly Peer[];
  readonly secondaries: readonly Peer[];
  readonly serial: number;
  /** These four are of a secondary. */
  readonly checkedAt: number | null;
  readonly transferredAt: number | null;
  readonly expiresAt: number | null;
  readonly expired: boolean;
  /** Why the last check or transfer failed; "" when it didn't. */
  readonly error: string;
  readonly notifies: readonly NotifyState[];
}

/** Throws NotFound for the zone, Invalid for an address, a key that isn't there. */
export interface TransferControl {
  get(zone: DomainName): TransferState;
  set(
    zone: DomainName,
    peers: { readonly primaries: readonly Peer[]; readonly secondaries: readonly Peer[] },
    by: By,
  ): TransferState;
  /** A secondary asks its primaries; a primary notifies its secondaries. Resolves when they have answered, or not in time. */
  refresh(zone: DomainName, by: By): Promise<TransferState>;
  /** Null takes the zone out of its catalog. */
  setCatalog(zone: DomainName, catalog: DomainName | null, by: By): { memberId: string };
}
