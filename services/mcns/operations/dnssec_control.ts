/** What the operations need of the part that signs zones. Times in ms since the epoch, null for none. */
import type { DomainName } from "../domain/name.ts";
import type { By } from "../store/zone_store.ts";

/** How a zone is to be signed. Durations in seconds; 0 stands for the default. */
export interface SigningPolicy {
  readonly algorithm: "ed25519" | "ecdsap256sha256";
  readonly denial: "nsec" | "nsec3";
  /** A KSK and a ZSK instead of one key for both. */
  readonly splitKeys: boolean;
  readonly signatureSeconds: number;
  readonly zskLifetimeSeconds: number;
  readonly kskLifetimeSeconds: number;
  readonly propagationSeconds: number;
}

export type KeyRole = "ksk" | "zsk" | "csk";

export interface DnssecKeyState {
  readonly tag: number;
  readonly role: KeyRole;
  readonly algorithm: string;
  readonly state: "published" | "ready" | "active" | "retired";
  readonly createdAt: number;
  readonly activeAt: number | null;
  readonly stateSince: number;
}

/** Everything that there is to show; never a private key. */
export interface DnssecState {
  readonly zone: string;
  readonly signed: boolean;
  readonly algorithm: string;
  readonly denial: string;
  readonly serial: number;
  readonly keys: readonly DnssecKeyState[];
  /** DS records for the parent, as zone-file lines. */
  readonly ds: readonly string[];
  /** DNSKEY records for a validator, as zone-file lines. */
  readonly trustAnchors: readonly string[];
  readonly waitsForDs: boolean;
  readonly nextEvent: string;
  readonly nextEventAt: number | null;
  readonly signaturesExpireAt: number | null;
}

/** Throws NotFound for the zone, Conflict for what its state forbids. */
export interface DnssecControl {
  /** Of an unsigned zone: not signed, no keys. */
  get(zone: DomainName): DnssecState;
  /** Resolves when the signed zone is answered. */
  sign(zone: DomainName, policy: SigningPolicy, by: By): Promise<DnssecState>;
  /** Conflict while the parent may still have a DS, unless `force`. */
  unsign(zone: DomainName, force: boolean, by: By): Promise<{ serial: number }>;
  roll(zone: DomainName, role: KeyRole, by: By): Promise<DnssecState>;
  /** The parent has the DS records that `get` shows, and no others. */
  confirmDs(zone: DomainName, by: By): Promise<DnssecState>;
}
