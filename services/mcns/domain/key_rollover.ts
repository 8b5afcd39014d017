/**
 * The life of a zone's keys (RFC 6781 §4.1, RFC 7583), as rules: which key does what in which state, and what comes next
 * when. Pure; the database and the clock are the caller's (dnssec/rollover.ts).
 *
 * What makes a rollover safe is that caches may hold what the zone had before, each kind of thing for its own time:
 *
 * - ZSK, by pre-publication (RFC 6781 §4.1.1.1). *published*: in the DNSKEY set, signs nothing, until every cache that
 *   holds the old DNSKEY set has dropped it. *active*: signs the zone; the old key is *retired*: all its signatures are
 *   replaced at once, it stays in the DNSKEY set until the caches have dropped those too, then it goes.
 * - KSK, by double signature (§4.1.2). *published*: signs the DNSKEY set beside the old key, until every cache has it.
 *   *ready*: the parent's DS may be changed (CDS says so too); it waits until somebody says that it was. *active*: the DS
 *   names it; the old key is *retired* until the caches have dropped the old DS.
 * - CSK (one key for both): as a KSK, and the zone's signatures change over when the DS has (§4.1.3). The old key stays
 *   until both the old DS and its last signature are out of the caches.
 *
 * The first KSK or CSK of a zone signs from the start; it is *published* until caches have dropped the unsigned records.
 */
import type { SigningPolicy } from "./signing_policy.ts";

export type KeyRole = "ksk" | "zsk" | "csk";
export type KeyState = "published" | "ready" | "active" | "retired";

/** A key as its rules see it. Times in ms since the epoch. */
export interface KeyLife {
  readonly id: number;
  readonly tag: number;
  readonly role: KeyRole;
  readonly state: KeyState;
  readonly stateSince: number;
  readonly activeAt: number | null;
  /** When a published key may go on and a retired one may go; null: not known yet, or nothing to wait for. */
  readonly until: number | null;
  /** Whether the published zone has no signature of this retired key left, but for those over its keys. */
  readonly isReplaced: boolean;
  /** It was compromised: nobody waits for caches. */
  readonly isCompromised: boolean;
}

/** What the zone is on its way to; "signed" when nowhere. */
export type SigningPhase =
  /** Signatures are being added; there is no DNSKEY set yet, so nobody takes the zone for signed. */
  | "building"
  | "signed"
  /** The parent was asked to drop its DS (CDS 0): it waits until somebody says that it has. */
  | "leaving"
  /** The DS is gone, but not yet from all caches. */
  | "left"
  /** There is no DNSKEY set any more; signatures are being taken away. */
  | "removing";

/** The TTLs that caches go by, in seconds. */
export interface CacheTimes {
  /** Of the DNSKEY set. */
  readonly keyTtlSeconds: number;
  /** The longest of the zone's sets. */
  readonly maxTtlSeconds: number;
}

/** Whether the parent's DS names keys of that role, so that they sign the DNSKEY set. */
export function signsKeys(role: KeyRole): boolean {
  return role !== "zsk";
}

/** Whether keys of that role sign the zone's records. */
export function signsRecords(role: KeyRole): boolean {
  return role !== "ksk";
}

/** The one key that signs the zone's records: the active one, or the first of a zone that has none active yet. */
export function recordSigner<Key extends KeyLife>(keys: readonly Key[]): Key | undefined {
  const signers = keys.filter(({ role, state }) => signsRecords(role) && state !== "retired");
  return signers.find(({ state }) => state === "active") ?? signers.toSorted((a, b) => a.id - b.id)[0];
}

/** The keys that the parent's DS records should name now: none before the first key is ready, and for a zone that leaves. */
export function delegatedKeys<Key extends KeyLife>(phase: SigningPhase, keys: readonly Key[]): Key[] {
  if (phase !== "signed") return [];
  const ready = keys.filter(({ state }) => state === "ready");
  return ready.length > 0 ? ready : keys.filter(({ role, state }) => signsKeys(role) && state === "active");
}

/** Whether it is for the operator to go on: the parent's DS is to be changed. */
export function waitsForDs(phase: SigningPhase, keys: readonly KeyLife[]): boolean {
  return phase === "leaving" || (phase === "signed" && keys.some(({ state }) => state === "ready"));
}

/** Whether the parent may have a DS of the zone: validators then need its signatures. */
export function mayHaveDs(phase: SigningPhase, keys: readonly KeyLife[]): boolean {
  return phase === "leaving" || phase === "left" ||
    (phase === "signed" && keys.some(({ role, state }) => signsKeys(role) && state !== "published"));
}

/** What is to be done with keys. */
export type KeyStep =
  /** Begin a rollover. */
  | { readonly kind: "create"; readonly role: KeyRole }
  | { readonly kind: "make_ready"; readonly key: number }
  /** A ZSK takes over. */
  | { readonly kind: "activate"; readonly key: number }
  | { readonly kind: "remove"; readonly key: number }
  /** The zone becomes unsigned. */
  | { readonly kind: "unsign" };

/** A step, when it is due (ms since the epoch), and what it is to an operator. */
export interface PlannedStep {
  readonly at: number;
  readonly step: KeyStep;
  readonly text: string;
}

/**
 * Everything that time alone will bring, earliest first; steps whose time isn't known yet are left out.
 * @param phaseUntil when caches have dropped the DS of a zone that has left
 */
export function plannedSteps(
  { phase, phaseUntil, policy }: { phase: SigningPhase; phaseUntil: number | null; policy: SigningPolicy },
  keys: readonly KeyLife[],
): PlannedStep[] {
  if (phase === "left") return [{ at: phaseUntil ?? 0, step: { kind: "unsign" }, text: "remove the signatures" }];
  if (phase !== "signed") return [];
  const steps: PlannedStep[] = [];
  for (const key of keys) {
    const { id, tag, role, state, until } = key;
    const name = `${role.toUpperCase()} ${tag}`;
    if (state === "published" && until !== null) {
      steps.push(
        role === "zsk"
          ? { at: until, step: { kind: "activate", key: id }, text: `sign with ${name}` }
          : { at: until, step: { kind: "make_ready", key: id }, text: `give out the DS of ${name}` },
      );
    }
    if (state === "retired" && until !== null && key.isReplaced) {
      steps.push({ at: until, step: { kind: "remove", key: id }, text: `remove ${name}` });
    }
    const lifetime = role === "zsk" ? policy.zskLifetimeSeconds : policy.kskLifetimeSeconds;
    if (state === "active" && lifetime > 0 && !isRolling(keys, role)) {
      const at = (key.activeAt ?? key.stateSince) + lifetime * 1000;
      steps.push({ at, step: { kind: "create", role }, text: `begin to replace ${name}` });
    }
  }
  return steps.sort((a, b) => a.at - b.at);
}

/** Whether a key of that role is on its way in or out. */
export function isRolling(keys: readonly KeyLife[], role: KeyRole): boolean {
  const same = keys.filter((key) => key.role === role);
  return same.length > 1 || same.some(({ state }) => state === "published" || state === "ready");
}

/** When a key that appears now is in every cache that has the DNSKEY set. */
export function publishedUntil(at: number, policy: SigningPolicy, { keyTtlSeconds }: CacheTimes): number {
  return at + (keyTtlSeconds + policy.propagationSeconds) * 1000;
}

/** When no cache has an unsigned record any more of a zone that is signed from now on. */
export function firstSignedUntil(at: number, policy: SigningPolicy, times: CacheTimes): number {
  return at + (Math.max(times.maxTtlSeconds, times.keyTtlSeconds) + policy.propagationSeconds) * 1000;
}

/** When no cache has a DS any more that the parent has dropped now. */
export function dsGoneAt(at: number, { dsTtlSeconds, propagationSeconds }: SigningPolicy): number {
  return at + (dsTtlSeconds + propagationSeconds) * 1000;
}

/** When no cache has a signature any more that the zone has dropped now. */
export function signaturesGoneAt(at: number, policy: SigningPolicy, { maxTtlSeconds }: CacheTimes): number {
  return at + (maxTtlSeconds + policy.propagationSeconds) * 1000;
}
