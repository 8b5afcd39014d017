/** Takes the steps of domain/key_rollover.ts in the database: inside the transaction that publishes the zone accordingly. */
import { conflict } from "@lib/errors/mod.ts";
import {
  type CacheTimes,
  dsGoneAt,
  firstSignedUntil,
  isRolling,
  type KeyRole,
  type KeyState,
  type KeyStep,
  publishedUntil,
  signaturesGoneAt,
  signsKeys,
} from "../domain/key_rollover.ts";
import type { SigningPolicy } from "../domain/signing_policy.ts";
import type { DnssecKeyStore, SignedZone, StoredKey } from "../store/dnssec_key_store.ts";
import { newKey } from "./signing_key.ts";

/** A zone in the store, inside a transaction of time `at` (ms since the epoch). */
export interface KeyTransaction {
  readonly store: DnssecKeyStore;
  readonly zone: SignedZone;
  readonly at: number;
}

/** The first keys of a zone that is to be signed. */
export function addFirstKeys(store: DnssecKeyStore, zoneId: number, policy: SigningPolicy, at: number): void {
  const tags: number[] = [];
  const add = (role: KeyRole, state: KeyState) => {
    const key = newKey({ role, algorithm: policy.algorithm, state, until: null, taken: tags });
    tags.push(key.tag);
    store.addKey(zoneId, key, at);
  };
  if (!policy.splitKeys) return add("csk", "published");
  add("ksk", "published");
  add("zsk", "active");
}

export function takeStep(transaction: KeyTransaction, step: KeyStep, times: CacheTimes): void {
  const { store, zone, at } = transaction;
  if (step.kind === "unsign") return store.setPhase(zone.zoneId, "removing");
  if (step.kind === "create") {
    return addKey(transaction, step.role, "published", publishedUntil(at, zone.policy, times));
  }
  const key = zone.keys.find(({ id }) => id === step.key)!;
  switch (step.kind) {
    case "make_ready":
      return store.changeKey(key, { state: "ready", until: null }, at);
    case "activate":
      retire(transaction, "zsk", null);
      return store.changeKey(key, { state: "active", until: null }, at);
    case "remove":
      return store.removeKey(key);
  }
}

/** Every name bears its signatures: shows the keys, from when on validators may take the zone for signed. */
export function finishBuilding({ store, zone, at }: KeyTransaction, times: CacheTimes): void {
  store.setPhase(zone.zoneId, "signed");
  for (const key of zone.keys) {
    if (key.state === "published") store.changeKey(key, { until: firstSignedUntil(at, zone.policy, times) }, at);
  }
}

/** The zone has no signature of its retired keys left: says from when on no cache has one. */
export function markReplaced({ store, zone, at }: KeyTransaction, times: CacheTimes): void {
  for (const key of zone.keys) {
    if (key.state !== "retired" || key.isReplaced) continue;
    const gone = key.isCompromised ? at : signaturesGoneAt(at, zone.policy, times);
    store.changeKey(key, { isReplaced: true, until: Math.max(key.until ?? 0, gone) }, at);
  }
}

/** The parent has changed its DS: the ready key takes over, or the zone that leaves has left. Throws Conflict when nothing waits. */
export function confirmDs(transaction: KeyTransaction): void {
  const { store, zone, at } = transaction;
  const gone = dsGoneAt(at, zone.policy);
  if (zone.phase === "leaving") return store.setPhase(zone.zoneId, "left", gone);
  const ready = zone.phase === "signed" ? zone.keys.find(({ state }) => state === "ready") : undefined;
  if (ready === undefined) {
    const waits = zone.phase === "signed" &&
      zone.keys.find(({ state, role }) => signsKeys(role) && state === "published");
    throw conflict("Cannot confirm the DS: no key waits for it", {
      hint: waits && waits.until !== null
        ? `Key ${waits.tag} is ready for it at ${
          new Date(waits.until).toISOString()
        }; confirm it once the parent has it.`
        : "Look at the zone's keys; begin a rollover to change the DS.",
    });
  }
  retire(transaction, ready.role, gone);
  store.changeKey(ready, { state: "active", until: null }, at);
}

/**
 * Begins a rollover. `isEmergency`: the old key is compromised, so nobody waits for caches: those that have the old keys
 * or DS fail until these run out, which is less harm than accepting what a thief signs.
 * Throws Conflict when there is no such key, or a rollover runs (in an emergency: only one that waits for the DS).
 */
export function beginRoll(
  transaction: KeyTransaction,
  role: KeyRole,
  isEmergency: boolean,
  times: CacheTimes,
): void {
  const { store, zone, at } = transaction;
  const name = role.toUpperCase();
  const active = zone.keys.find((key) => key.role === role && key.state === "active");
  const coming = zone.keys.find((key) => key.role === role && (key.state === "published" || key.state === "ready"));
  if (!zone.keys.some((key) => key.role === role)) {
    const have = [...new Set(zone.keys.map((key) => key.role.toUpperCase()))].join(" and ");
    throw conflict(`Cannot roll the ${name}: the zone has ${have === "CSK" ? "one CSK for everything" : `a ${have}`}`);
  }
  if (zone.phase !== "signed" || active === undefined) {
    throw conflict(
      `Cannot roll the ${name}: the zone is on its way ${zone.phase === "signed" ? "to be signed" : "to be unsigned"}`,
      {
        hint: coming === undefined
          ? "Sign it again first."
          : `Key ${coming.tag} is its first: give its DS to the parent.`,
      },
    );
  }
  if (isRolling(zone.keys, role) && !(isEmergency && coming?.state !== "ready")) {
    throw conflict(
      `Cannot roll the ${name}: a rollover is running, with ${
        describe(coming ?? zone.keys.find((key) => key.role === role && key.state === "retired")!)
      }`,
    );
  }
  if (!isEmergency) return addKey(transaction, role, "published", publishedUntil(at, zone.policy, times));
  store.changeKey(active, { isCompromised: true }, at);
  if (role === "zsk") {
    retire({ ...transaction, zone: { ...zone, keys: [{ ...active, isCompromised: true }] } }, role, at);
    if (coming !== undefined) store.changeKey(coming, { state: "active", until: null }, at);
    else addKey(transaction, role, "active", null);
  } else if (coming !== undefined) store.changeKey(coming, { state: "ready", until: null }, at);
  else addKey(transaction, role, "ready", null);
}

/** "CSK 4711, published since 2026-11-21T12:00:00.000Z". */
function describe({ role, tag, state, stateSince }: StoredKey): string {
  return `${role.toUpperCase()} ${tag}, ${state} since ${new Date(stateSince).toISOString()}`;
}

function addKey({ store, zone, at }: KeyTransaction, role: KeyRole, state: KeyState, until: number | null): void {
  const taken = zone.keys.map(({ tag }) => tag);
  store.addKey(zone.zoneId, newKey({ role, algorithm: zone.policy.algorithm, state, until, taken }), at);
}

/** Retires the active key of that role. `until`: not before. */
function retire({ store, zone, at }: KeyTransaction, role: KeyRole, until: number | null): void {
  for (const key of zone.keys) {
    if (key.role !== role || key.state !== "active") continue;
    // A KSK signs only keys, which it does until it goes: nothing needs to be replaced.
    store.changeKey(key, {
      state: "retired",
      until: key.isCompromised ? at : until,
      isReplaced: role === "ksk",
    }, at);
  }
}
