/**
 * Does what is due for one signed zone, until nothing is left:
 *
 * 1. steps of keys whose time has come, one transaction each;
 * 2. a survey of the zone, in slices of a few ms; whenever enough names are due, their signatures are made in another
 *    thread, then published in one transaction (bulk_signer.ts);
 * 3. when a survey has found nothing: what was waiting for that. A zone is shown as signed, or forgotten as unsigned; the
 *    other chain of proofs is shown; a key counts as replaced.
 *
 * Operators and other processes change the zone and its keys in between: each transaction looks again at what it finds.
 */
import type { Clock } from "@lib/clock/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type CacheTimes, plannedSteps, waitsForDs } from "../domain/key_rollover.ts";
import type { DomainName } from "../domain/name.ts";
import type { Octets } from "../domain/octets.ts";
import type { Zone } from "../domain/zone.ts";
import type { DnssecKeyStore, SignedZone } from "../store/dnssec_key_store.ts";
import { renewal } from "../domain/signing_policy.ts";
import type { ZoneEditor } from "../store/zone_editor.ts";
import type { By } from "../store/zone_store.ts";
import { jobsOf, signAside } from "./bulk_signer.ts";
import { confirmDs, finishBuilding, type KeyTransaction, markReplaced, takeStep } from "./key_steps.ts";
import { isConfirmedBy } from "./parent_ds.ts";
import { shownDenial } from "./publish_zone.ts";
import type { DnssecPublisher } from "./publisher.ts";
import { type Findings, survey } from "./survey.ts";

export interface ZoneCareParts {
  readonly store: DnssecKeyStore;
  readonly editor: ZoneEditor;
  readonly publisher: DnssecPublisher;
  readonly clock: Clock;
  readonly log: Logger;
  /** The DS records that the parent has of a zone; null where nobody can tell. */
  readonly parentDs: (zone: DomainName) => readonly Octets[] | null | Promise<readonly Octets[] | null>;
  /** Ends the work before its next transaction. */
  readonly signal: AbortSignal;
}

/** What the last survey that found nothing to do has seen. */
export interface ZoneCondition {
  /** Ms since the epoch; null without signatures. */
  readonly signaturesExpireAt: number | null;
  readonly maxTtlSeconds: number;
  /** When to look again. */
  readonly nextSurveyAt: number;
}

/** Names in one transaction: their 100 signatures keep the other thread busy for 4 ms with Ed25519, 40 ms with P-256. */
const batchNames = 50;

/** A survey gives way to DNS after so long, ms. */
const sliceMs = 3;

/** With five days to refresh signatures, an hour is soon enough; short-lived ones are looked at a hundred times in their life. */
const maxSurveyMs = 3_600_000;

/** Surveys in a row that all found something: more are a sign that what was signed is found wanting again. */
const maxSurveys = 20;

const by: By = { actor: "dnssec", remote: "" };

export class ZoneCare {
  readonly #parts: ZoneCareParts;
  readonly #zone: DomainName;
  #condition: ZoneCondition | null = null;

  constructor(zone: DomainName, parts: ZoneCareParts) {
    this.#zone = zone;
    this.#parts = parts;
  }

  /** Null before the first survey that found nothing to do. */
  get condition(): ZoneCondition | null {
    return this.#condition;
  }

  /** @param isChanged surveys the zone although the last survey isn't old: its keys or its policy have changed */
  async work(isChanged: boolean): Promise<void> {
    const { store, clock, signal } = this.#parts;
    let needsSurvey = isChanged;
    for (let surveys = 0; surveys < maxSurveys;) {
      const found = store.find(this.#zone);
      if (found === undefined) this.#condition = null;
      if (found === undefined || signal.aborted) return;
      if (await this.#takeDueStep(found)) {
        needsSurvey = true;
        continue;
      }
      if (!needsSurvey && (this.#condition?.nextSurveyAt ?? 0) > clock.now()) return;
      needsSurvey = true;
      const findings = await this.#survey();
      surveys++;
      // Names were due, or somebody has changed keys or policy meanwhile: look again.
      if (findings === null || findings.due > 0 || !isSame(found, store.find(this.#zone))) continue;
      this.#condition = {
        signaturesExpireAt: Number.isFinite(findings.earliestExpiration) ? findings.earliestExpiration : null,
        maxTtlSeconds: findings.maxTtlSeconds,
        nextSurveyAt: clock.now() + Math.min(maxSurveyMs, found.policy.signatureSeconds * 10),
      };
      if (!this.#finish(found)) return;
    }
    throw new Error(`after ${maxSurveys} surveys names are still not signed as they should be`);
  }

  /** Takes the first step whose time has come, or that the parent lets us take; whether there was one. */
  async #takeDueStep(found: SignedZone): Promise<boolean> {
    const { clock, parentDs, publisher } = this.#parts;
    const planned = plannedSteps(found, found.keys)[0];
    if (planned !== undefined && planned.at <= clock.now()) {
      const { step, text } = planned;
      return this.#change(`dnssec.${step.kind}`, text, (transaction, times) => {
        const isStillDue = plannedSteps(transaction.zone, transaction.zone.keys)
          .some((one) => JSON.stringify(one.step) === JSON.stringify(step) && one.at <= transaction.at);
        if (isStillDue) takeStep(transaction, step, times);
        return isStillDue;
      });
    }
    if (!waitsForDs(found.phase, found.keys)) return false;
    const records = await parentDs(this.#zone);
    if (records === null || !isConfirmedBy(records, publisher.signingWith(this.#zone, found))) return false;
    return this.#change("dnssec.confirm_ds", "go on: the parent has changed its DS", (transaction) => {
      const isStillWaiting = isSame(found, transaction.zone);
      if (isStillWaiting) confirmDs(transaction);
      return isStillWaiting;
    });
  }

  /** Does what was waiting for a survey that finds nothing; whether there is more to do. */
  #finish({ phase, keys, policy }: SignedZone): boolean {
    const { publisher, editor } = this.#parts;
    if (phase === "building") {
      return this.#change("dnssec.sign", "show the keys: every name is signed", finishBuilding);
    }
    if (phase === "removing") {
      this.#change("dnssec.unsign", "forget the keys: no name is signed", ({ store, zone }) => {
        store.delete(zone.zoneId);
      });
      this.#condition = null;
      return false;
    }
    const shown = shownDenial(editor.zone(this.#zone), publisher.signingOf(this.#zone)!);
    if (shown !== policy.denial) {
      const text = `answer with ${policy.denial.toUpperCase()}: its chain is whole`;
      return publisher.with(this.#zone, { shown: policy.denial }, () => this.#change("dnssec.denial", text, () => {}));
    }
    if (!keys.some(({ state, isReplaced }) => state === "retired" && !isReplaced)) return false;
    return this.#change("dnssec.replaced", "no signature of the retired key is left", markReplaced);
  }

  /** Edits the zone's keys and publishes it; whether it did: not when `work` says false. */
  #change(
    action: string,
    text: string,
    work: (transaction: KeyTransaction, times: CacheTimes) => boolean | void,
  ): boolean {
    const { store, editor, log } = this.#parts;
    const { result, serial } = editor.edit(this.#zone, by, action, (edit) => {
      const zone = store.find(this.#zone);
      if (zone === undefined) return false;
      const times = { keyTtlSeconds: edit.zone.soa_ttl, maxTtlSeconds: this.#condition?.maxTtlSeconds ?? 0 };
      if (work({ store, zone, at: edit.at }, times) === false) return false;
      edit.republish();
      return true;
    });
    if (result) log.info(`DNSSEC: ${text}`, { zone: this.#zone.text, serial });
    return result;
  }

  /** Looks through the whole zone and publishes anew what is due; null when it was stopped. */
  async #survey(): Promise<Findings | null> {
    const { publisher, editor, clock, signal } = this.#parts;
    const signing = publisher.signingOf(this.#zone);
    if (signing === undefined) return null;
    const findings: Findings = { earliestExpiration: Infinity, maxTtlSeconds: 0, due: 0 };
    const current = (): Zone => editor.zone(this.#zone);
    let batch: string[] = [], sliceStart = performance.now();
    for (const due of survey(current, signing, findings, clock.now())) {
      batch.push(...due);
      if (batch.length >= batchNames) {
        await this.#publishAnew(batch);
        batch = [];
      }
      if (signal.aborted) return null;
      if (performance.now() - sliceStart < sliceMs) continue;
      await new Promise((resume) => setTimeout(resume, 0));
      sliceStart = performance.now();
    }
    if (batch.length > 0) await this.#publishAnew(batch);
    return findings;
  }

  async #publishAnew(again: readonly string[]): Promise<void> {
    const { publisher, editor, clock, signal } = this.#parts;
    const signing = publisher.signingOf(this.#zone);
    if (signing === undefined) return;
    const at = clock.now();
    const jobs = jobsOf({ before: editor.zone(this.#zone), plain: new Map(), again, signing, at });
    const prepared = await signAside(jobs, { signing, at, signal });
    if (signal.aborted) return;
    publisher.with(this.#zone, { again, prepared }, () => {
      editor.edit(this.#zone, by, renewal, (edit) => edit.republish());
    });
  }
}

/** Whether keys, phase and policy are as they were. */
function isSame(one: SignedZone, other: SignedZone | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
