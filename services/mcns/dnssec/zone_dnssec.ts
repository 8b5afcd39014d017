/** What operators do with signed zones, and what they see of them. */
import type { Clock } from "@lib/clock/mod.ts";
import { conflict, notFound, quote } from "@lib/errors/mod.ts";
import { delegatedKeys, type KeyRole, mayHaveDs, plannedSteps, signsKeys, waitsForDs } from "../domain/key_rollover.ts";
import type { DomainName } from "../domain/name.ts";
import type { Octets } from "../domain/octets.ts";
import { formatData } from "../domain/rdata/record_data.ts";
import { types, typeText } from "../domain/rdata/record_type.ts";
import { parseSigningPolicy, signatureTimes, type SigningPolicy } from "../domain/signing_policy.ts";
import type { DnssecControl, DnssecState } from "../operations/dnssec_control.ts";
import type { DnssecKeyStore, SignedZone } from "../store/dnssec_key_store.ts";
import type { ZoneEditor } from "../store/zone_editor.ts";
import type { By, ZoneRow } from "../store/zone_store.ts";
import { dsData } from "./key_records.ts";
import { addFirstKeys, beginRoll, confirmDs, type KeyTransaction } from "./key_steps.ts";
import type { DnssecMaintenance } from "./maintenance.ts";
import type { DnssecPublisher } from "./publisher.ts";

export interface ZoneDnssecParts {
  readonly store: DnssecKeyStore;
  readonly editor: ZoneEditor;
  readonly publisher: DnssecPublisher;
  readonly maintenance: DnssecMaintenance;
  readonly clock: Clock;
}

export class ZoneDnssec implements DnssecControl {
  readonly #parts: ZoneDnssecParts;

  constructor(parts: ZoneDnssecParts) {
    this.#parts = parts;
  }

  get(zone: DomainName): DnssecState {
    const { store, editor } = this.#parts;
    const published = editor.zone(zone);
    const found = store.find(zone);
    // A secondary that its primary hasn't sent yet has no serial.
    const serial = published.isAnswerable ? published.serial : 0;
    const none = { algorithm: "", denial: "", keys: [], ds: [], trustAnchors: [], waitsForDs: false };
    const nothing = { nextEvent: "", nextEventAt: null, signaturesExpireAt: null };
    if (found === undefined) return { zone: zone.text, signed: published.isSigned, serial, ...none, ...nothing };
    const { policy, phase, keys } = found;
    const signing = this.#parts.publisher.signingWith(zone, found);
    const line = (ttlSeconds: number, type: number, data: Octets) =>
      `${zone}. ${ttlSeconds} IN ${typeText(type)} ${formatData(type, data, { finalDot: true })}`;
    const keyTtl = published.soaSet.ttlSeconds;
    return {
      zone: zone.text,
      signed: published.isSigned,
      algorithm: policy.algorithm,
      denial: policy.denial,
      serial,
      keys: keys.map(({ tag, role, algorithm, state, createdAt, activeAt, stateSince }) => {
        return { tag, role, algorithm, state, createdAt, activeAt, stateSince };
      }),
      ds: delegatedKeys(phase, signing.keys).flatMap(({ signing: { dnskey } }) =>
        ([2, 4] as const).map((digest) => line(policy.dsTtlSeconds, types.DS, dsData(zone.key, dnskey, digest)))
      ),
      trustAnchors: signing.keys.filter(({ role, state }) => signsKeys(role) && state !== "retired")
        .map(({ signing: { dnskey } }) => line(keyTtl, types.DNSKEY, dnskey)),
      waitsForDs: waitsForDs(phase, keys),
      ...this.#next(zone, found),
    };
  }

  async sign(zone: DomainName, given: SigningPolicy, by: By): Promise<DnssecState> {
    const policy = parseSigningPolicy(given);
    const { store, editor, maintenance } = this.#parts;
    editor.edit(zone, by, "dnssec.sign", (edit) => {
      const found = store.find(zone);
      if (found === undefined) {
        refuseUnsignable(edit.zone, store);
        store.put(edit.zone.id, policy, "building");
        addFirstKeys(store, edit.zone.id, policy, edit.at);
      } else this.#changePolicy(zone, found, policy, edit.at);
      edit.republish();
    });
    await maintenance.visit(zone);
    return this.get(zone);
  }

  async unsign(zone: DomainName, force: boolean, by: By): Promise<{ serial: number }> {
    await this.#change(zone, by, "dnssec.unsign", ({ store, zone: found, at }) => {
      const { phase, keys, zoneId } = found;
      if (force || !mayHaveDs(phase, keys)) return store.setPhase(zoneId, "removing");
      if (phase === "signed") return store.setPhase(zoneId, "leaving");
      throw conflict(`Cannot unsign zone ${quote(zone.text)}: ${this.#leavingText(found, at)}`, {
        hint: "With force it becomes unsigned now, and unreachable for validating resolvers that still have the DS.",
      });
    });
    return { serial: this.#parts.editor.zone(zone).serial };
  }

  async roll(zone: DomainName, role: KeyRole, by: By, isEmergency = false): Promise<DnssecState> {
    const action = isEmergency ? "dnssec.roll_emergency" : "dnssec.roll";
    await this.#change(zone, by, action, (transaction, keyTtlSeconds) => {
      const maxTtlSeconds = this.#parts.maintenance.condition(zone)?.maxTtlSeconds ?? 0;
      beginRoll(transaction, role, isEmergency, { keyTtlSeconds, maxTtlSeconds });
    });
    return this.get(zone);
  }

  async confirmDs(zone: DomainName, by: By): Promise<DnssecState> {
    await this.#change(zone, by, "dnssec.confirm_ds", confirmDs);
    return this.get(zone);
  }

  /** Changes the zone's keys or phase and publishes that; then does what follows from it. */
  async #change(
    zone: DomainName,
    by: By,
    action: string,
    work: (transaction: KeyTransaction, keyTtlSeconds: number) => void,
  ): Promise<void> {
    const { store, editor, maintenance } = this.#parts;
    editor.edit(zone, by, action, (edit) => {
      const found = store.find(zone);
      if (found === undefined) {
        throw notFound("signed zone", zone.text, { hint: "Sign it first: mcnsctl zone sign." });
      }
      work({ store, zone: found, at: edit.at }, edit.zone.soa_ttl);
      edit.republish();
    });
    await maintenance.visit(zone);
  }

  #changePolicy(zone: DomainName, found: SignedZone, policy: SigningPolicy, at: number): void {
    const { store } = this.#parts;
    const { phase, keys, zoneId } = found;
    if (phase === "removing") {
      throw conflict(`Cannot sign zone ${quote(zone.text)}: its signatures are just being taken away`, {
        hint: "Try again in a moment.",
      });
    }
    for (const key of ["algorithm", "splitKeys"] as const) {
      if (found.policy[key] === policy[key]) continue;
      const [field, had] = key === "algorithm"
        ? ["algorithm", found.policy.algorithm]
        : ["split_keys", found.policy.splitKeys ? "KSK and ZSK" : "one CSK"];
      throw conflict(`Cannot change ${field} of zone ${quote(zone.text)}: it is signed with ${had}`, {
        hint: "Unsign the zone, wait until it is, and sign it anew; resolvers take it for unsigned meanwhile.",
      });
    }
    if (policy.denial !== found.policy.denial && this.#isChangingDenial(zone, found)) {
      throw conflict(`Cannot change denial of zone ${quote(zone.text)}: its proofs are just being made`, {
        hint: "Try again in a moment.",
      });
    }
    store.put(zoneId, policy, phase === "building" ? phase : "signed");
    if (phase !== "left") return;
    // The parent has dropped the DS: it is to be given once more.
    for (const key of keys) {
      if (signsKeys(key.role) && key.state === "active") store.changeKey(key, { state: "ready" }, at);
    }
  }

  /** Whether a chain of proofs is being made, or what is left of the other one taken away. */
  #isChangingDenial(zone: DomainName, found: SignedZone): boolean {
    const published = this.#parts.editor.zone(zone);
    const hasNsec = published.nsecFor(published.canonicalNames().at(-1)!) !== null;
    const hasNsec3 = published.nsec3Covering(published.key) !== null;
    return found.phase === "building" || hasNsec === hasNsec3;
  }

  #next(zone: DomainName, found: SignedZone): Pick<DnssecState, "nextEvent" | "nextEventAt" | "signaturesExpireAt"> {
    const { phase, keys, policy } = found;
    const signaturesExpireAt = this.#parts.maintenance.condition(zone)?.signaturesExpireAt ?? null;
    if (phase === "leaving") {
      return {
        nextEvent: "remove the DS records at the parent, then confirm it",
        nextEventAt: null,
        signaturesExpireAt,
      };
    }
    if (waitsForDs(phase, keys)) {
      return { nextEvent: "give the DS records to the parent, then confirm it", nextEventAt: null, signaturesExpireAt };
    }
    const step = plannedSteps(found, keys)[0];
    const renewal = signaturesExpireAt === null ? null : signaturesExpireAt - signatureTimes(policy).refresh * 1000;
    if (step !== undefined && (renewal === null || step.at < renewal)) {
      return { nextEvent: step.text, nextEventAt: step.at, signaturesExpireAt };
    }
    if (phase === "building" || phase === "removing") {
      const nextEvent = phase === "building" ? "sign the rest of the zone" : "remove the rest of the signatures";
      return { nextEvent, nextEventAt: null, signaturesExpireAt };
    }
    return { nextEvent: renewal === null ? "" : "renew signatures", nextEventAt: renewal, signaturesExpireAt };
  }

  #leavingText({ phase, phaseUntil }: SignedZone, at: number): string {
    if (phase !== "left") return "the parent may still have its DS; remove that, then confirm it";
    return `resolvers may have its DS until ${new Date(phaseUntil ?? at).toISOString()}; it becomes unsigned then`;
  }
}

/** Answers that differ by client, or are looked up elsewhere, can't be signed beforehand. */
function refuseUnsignable(zone: ZoneRow, store: DnssecKeyStore): void {
  const row = store.unsignableRecord(zone.id);
  if (row === undefined) return;
  const what = row.view === "" ? "is looked up elsewhere" : `is for view ${quote(row.view)} alone`;
  throw conflict(`Cannot sign zone ${quote(zone.name)}: its ${row.type} ${quote(row.name)} ${what}`, {
    hint: "Move such records to a zone of their own.",
  });
}
