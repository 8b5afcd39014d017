/** What the operations need of the part that signs zones. Times in ms since the epoch, null for none. */
import type { KeyRole } from "../domain/key_rollover.ts";
import type { DomainName } from "../domain/name.ts";
import type { SigningPolicy } from "../domain/signing_policy.ts";
import type { By } from "../store/zone_store.ts";

export type { KeyRole } from "../domain/key_rollover.ts";
export type { SigningPolicy } from "../domain/signing_policy.ts";

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
  /** Durations of 0 stand for the defaults. Resolves when the signed zone is answered. Throws Invalid for the policy. */
  sign(zone: DomainName, policy: SigningPolicy, by: By): Promise<DnssecState>;
  /**
   * Of a zone whose DS the parent may have: asks the parent by CDS to remove it, and goes on after `confirmDs`. Of any other,
   * or with `force`, resolves when the zone is unsigned.
   */
  unsign(zone: DomainName, force: boolean, by: By): Promise<{ serial: number }>;
  /** @param isEmergency the key is compromised: waits for no cache */
  roll(zone: DomainName, role: KeyRole, by: By, isEmergency?: boolean): Promise<DnssecState>;
  /** The parent has the DS records that `get` shows, and no others. */
  confirmDs(zone: DomainName, by: By): Promise<DnssecState>;
}
