/**
 * Keeps signed zones signed: renews signatures, takes the steps of rollovers when they are due, signs a new zone name by
 * name and takes signatures away again. All that it knows lies in the database, so it goes on after a restart where it was.
 *
 * One visit to a zone, until nothing is left to do:
 * 1. steps of keys that are due, one transaction each;
 * 2. a survey of the zone, in slices of a few ms; whenever enough names are due, their signatures are made in another
 *    thread, then published in one transaction (dnssec/bulk_signer.ts);
 * 3. when a survey has found nothing: what was waiting for that (a zone is signed, or unsigned; a key is replaced).
 */
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf, PlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type CacheTimes, plannedSteps, waitsForDs } from "../domain/key_rollover.ts";
import { DomainName } from "../domain/name.ts";
import type { Octets } from "../domain/octets.ts";
import { signatureTimes } from "../domain/signing_policy.ts";
import type { Zone } from "../domain/zone.ts";
import type { DnssecKeyStore, SignedZone } from "../store/dnssec_key_store.ts";
import type { ZoneEditor } from "../store/zone_editor.ts";
import type { By } from "../store/zone_store.ts";
import { jobsOf, signAside } from "./bulk_signer.ts";
import { confirmDs, finishBuilding, type KeyTransaction, markReplaced, takeStep } from "./key_steps.ts";
import { isConfirmedBy } from "./parent_ds.ts";
import { shownDenial } from "./publish_zone.ts";
import type { DnssecPublisher } from "./publisher.ts";
import { type Findings, survey } from "./survey.ts";

export interface MaintenanceParts {
  readonly store: DnssecKeyStore;
  readonly editor: ZoneEditor;
  readonly publisher: DnssecPublisher;
  readonly clock: Clock;
  readonly log: Logger;
  /** The DS records that the parent has of a zone; null where nobody can tell. */
  readonly parentDs: (zone: DomainName) => readonly Octets[] | null | Promise<readonly Octets[] | null>;
}

/** What the last whole survey of a zone has found. */
export interface ZoneCondition {
  /** Ms since the epoch; null without signatures. */
  readonly signaturesExpireAt: number | null;
  readonly maxTtlSeconds: number;
  /** When to look again. */
  readonly nextSurveyAt: number;
}

/** How the last visit to a zone ended. */
interface Visited {
  readonly at: number;
  /** What it threw. */
  readonly failure: string | null;
}

/** Names in one transaction: their 100 signatures keep the other thread busy for 4 ms with Ed25519, 40 ms with P-256. */
const batchNames = 50;

/** A survey gives way to DNS after so long, ms. */
const sliceMs = 3;

/** With five days to refresh signatures, an hour is soon enough; short-lived ones are looked at a hundred times in their life. */
const maxSurveyMs = 3_600_000;

/** What another process has begun is seen after this long, and what failed tried again, ms. */
const maxSleepMs = 60_000;

/** How often the parent is asked for the DS that a zone waits for, ms; it costs a look into memory. */
const parentDsMs = 1000;

/** Surveys in a row that all found something: more are a sign that what was signed is found wanting again. */
const maxSurveys = 20;

const by: By = { actor: "dnssec", remote: "" };

export class DnssecMaintenance implements AsyncDisposable {
  readonly #parts: MaintenanceParts;
  readonly #conditions = new Map<string, ZoneCondition>();
  readonly #visited = new Map<string, Visited>();
  /** The visit to each zone that is under way, or waits for the one before. */
  readonly #visits = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStarted = false;
  #ticking: Promise<void> | null = null;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  /** Ticks by itself from now on, until it is disposed of. */
  start(): void {
    this.#isStarted = true;
    this.#ticking = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#ticking;
    await Promise.allSettled(this.#visits.values());
  }

  /** Visits the zones that are due. Never rejects. Returns when the next one is due, ms since the epoch; null for none. */
  async tick(): Promise<number | null> {
    for (const name of this.#parts.store.names()) {
      const zone = DomainName.parse(name, "zones.name");
      if (this.#stop.signal.aborted) return null;
      const dueAt = this.#dueAt(zone);
      if (dueAt === null || dueAt > this.#parts.clock.now()) continue;
      try {
        await this.visit(zone, false);
      } catch (error) {
        this.#parts.log.error("cannot keep a zone signed; trying again in a minute", {
          zone: name,
          error: messageOf(error),
        });
      }
    }
    const due = this.#parts.store.names().map((name) => this.#dueAt(DomainName.parse(name, "zones.name")));
    return due.reduce((least, at) => least === null || (at !== null && at < least) ? at : least, null);
  }

  /**
   * Does all that is due for the zone, and resolves when it is done; visits to one zone follow each other.
   * @param isChanged surveys the zone although the last survey isn't old: its keys or its policy have changed
   */
  visit(zone: DomainName, isChanged = true): Promise<void> {
    const before = this.#visits.get(zone.key) ?? Promise.resolve();
    const visit = before.then(() => this.#visit(zone, isChanged), () => this.#visit(zone, isChanged));
    this.#visits.set(zone.key, visit);
    const done = () => {
      if (this.#visits.get(zone.key) === visit) this.#visits.delete(zone.key);
      this.#sleep();
    };
    visit.then(done, done);
    return visit;
  }

  /** Null before the first survey. */
  condition(zone: DomainName): ZoneCondition | null {
    return this.#conditions.get(zone.key) ?? null;
  }

  /** What an operator must look at, a sentence each: signatures that end before somebody renews them. */
  problems(): string[] {
    const { store, clock } = this.#parts;
    return store.names().flatMap((name) => {
      const zone = DomainName.parse(name, "zones.name");
      const policy = store.find(zone)?.policy;
      const end = this.condition(zone)?.signaturesExpireAt ?? null;
      if (policy === undefined || end === null) return [];
      const left = end - clock.now();
      if (left > signatureTimes(policy).alarm * 1000) return [];
      const why = this.#visited.get(zone.key)?.failure ?? null;
      const when = `${left <= 0 ? "ended" : "end"} at ${new Date(end).toISOString()}`;
      return [`signatures of zone ${name} ${when} and are not renewed${why === null ? "" : `: ${why}`}`];
    });
  }

  async #run(): Promise<void> {
    try {
      await this.tick();
    } catch (error) {
      this.#parts.log.error("cannot look after signed zones; trying again", { error: messageOf(error) });
    }
    this.#ticking = null;
    this.#sleep();
  }

  /** Sleeps until something is due. Also after each visit: what an operator has begun may be due sooner. */
  #sleep(): void {
    if (!this.#isStarted || this.#ticking !== null || this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ticking = this.#run(), this.#sleepMs());
  }

  #sleepMs(): number {
    try {
      // At least 100 ms: a step that is refused each time would keep the processor busy.
      return Math.min(Math.max((this.#nextDue() ?? Infinity) - this.#parts.clock.now(), 100), maxSleepMs);
    } catch (error) {
      this.#parts.log.error("cannot tell when signed zones are due", { error: messageOf(error) });
      return maxSleepMs;
    }
  }

  /** When the next zone is due, ms since the epoch; null for never. */
  #nextDue(): number | null {
    const due = this.#parts.store.names().map((name) => this.#dueAt(DomainName.parse(name, "zones.name")));
    return due.reduce((least, at) => least === null || (at !== null && at < least) ? at : least, null);
  }

  #dueAt(zone: DomainName): number | null {
    const found = this.#parts.store.find(zone);
    if (found === undefined) return null;
    const visited = this.#visited.get(zone.key);
    if (visited !== undefined && visited.failure !== null) return visited.at + maxSleepMs;
    const step = plannedSteps(found, found.keys)[0]?.at ?? Infinity;
    const parent = waitsForDs(found.phase, found.keys) ? (visited?.at ?? 0) + parentDsMs : Infinity;
    return Math.min(step, parent, this.condition(zone)?.nextSurveyAt ?? 0);
  }

  async #visit(zone: DomainName, isChanged: boolean): Promise<void> {
    const { clock } = this.#parts;
    try {
      await this.#work(zone, isChanged);
      this.#visited.set(zone.key, { at: clock.now(), failure: null });
    } catch (error) {
      // Deleted meanwhile: there is nothing to look after any more.
      if (error instanceof PlatformError && error.code === "not_found") return;
      this.#visited.set(zone.key, { at: clock.now(), failure: messageOf(error) });
      throw error;
    }
  }

  async #work(zone: DomainName, isChanged: boolean): Promise<void> {
    const { store, clock } = this.#parts;
    let needsSurvey = isChanged;
    for (let surveys = 0; surveys < maxSurveys && !this.#stop.signal.aborted;) {
      const found = store.find(zone);
      if (found === undefined) {
        this.#conditions.delete(zone.key);
        return;
      }
      if (await this.#takeDueStep(zone, found)) {
        needsSurvey = true;
        continue;
      }
      if (!needsSurvey && (this.condition(zone)?.nextSurveyAt ?? 0) > clock.now()) return;
      needsSurvey = true;
      const findings = await this.#survey(zone);
      surveys++;
      if (this.#stop.signal.aborted) return;
      if (findings.due > 0) continue;
      const { signatureSeconds } = found.policy;
      this.#conditions.set(zone.key, {
        signaturesExpireAt: Number.isFinite(findings.earliestExpiration) ? findings.earliestExpiration : null,
        maxTtlSeconds: findings.maxTtlSeconds,
        nextSurveyAt: clock.now() + Math.min(maxSurveyMs, signatureSeconds * 10),
      });
      if (!this.#finish(zone, found, findings)) return;
    }
    if (!this.#stop.signal.aborted) {
      throw new Error(`after ${maxSurveys} surveys names are still not signed as they should be`);
    }
  }

  /** Takes the first step whose time has come, or that the parent lets us take; whether there was one. */
  async #takeDueStep(zone: DomainName, found: SignedZone): Promise<boolean> {
    const { clock, parentDs, publisher, log } = this.#parts;
    const planned = plannedSteps(found, found.keys)[0];
    if (planned !== undefined && planned.at <= clock.now()) {
      const { step, text } = planned;
      return this.#change(zone, `dnssec.${step.kind}`, text, (transaction, times) => {
        // Another process may have taken it meanwhile.
        const same = plannedSteps(transaction.zone, transaction.zone.keys)
          .find((one) => JSON.stringify(one.step) === JSON.stringify(step) && one.at <= transaction.at);
        if (same === undefined) return false;
        takeStep(transaction, step, times);
        return true;
      });
    }
    if (!waitsForDs(found.phase, found.keys)) return false;
    const records = await parentDs(zone);
    if (records === null || !isConfirmedBy(records, publisher.signingWith(zone, found))) return false;
    log.info("the parent has changed its DS", { zone: zone.text });
    return this.#change(zone, "dnssec.confirm_ds", "go on, as the parent has changed its DS", (transaction) => {
      if (!waitsForDs(transaction.zone.phase, transaction.zone.keys)) return false;
      confirmDs(transaction);
      return true;
    });
  }

  /** Takes what was waiting for a survey that finds nothing; whether there is more to do. */
  #finish(zone: DomainName, found: SignedZone, findings: Findings): boolean {
    const { publisher, editor } = this.#parts;
    const { phase, keys, policy } = found;
    if (phase === "building") {
      return this.#change(zone, "dnssec.sign", "show the keys: every name is signed", (transaction, times) => {
        finishBuilding(transaction, times);
        return true;
      }, findings.maxTtlSeconds);
    }
    if (phase === "removing") {
      this.#change(zone, "dnssec.unsign", "forget the keys: every name is unsigned", ({ store, zone }) => {
        store.delete(zone.zoneId);
        return true;
      });
      this.#conditions.delete(zone.key);
      return false;
    }
    const signing = publisher.signingWith(zone, found);
    if (shownDenial(editor.zone(zone), signing) !== policy.denial) {
      return publisher.with(
        zone,
        { shown: policy.denial },
        () =>
          this.#change(
            zone,
            "dnssec.denial",
            `answer with ${policy.denial.toUpperCase()}: its chain is whole`,
            () => true,
          ),
      );
    }
    if (!keys.some(({ state, isReplaced }) => state === "retired" && !isReplaced)) return false;
    return this.#change(zone, "dnssec.replaced", "keep the retired key until caches have dropped its signatures", (
      transaction,
      times,
    ) => {
      markReplaced(transaction, times);
      return true;
    }, findings.maxTtlSeconds);
  }

  /** Edits the zone's keys and publishes it; whether `work` said that it did something. */
  #change(
    zone: DomainName,
    action: string,
    text: string,
    work: (transaction: KeyTransaction, times: CacheTimes) => boolean,
    maxTtlSeconds: number = this.condition(zone)?.maxTtlSeconds ?? 0,
  ): boolean {
    const { store, editor, log } = this.#parts;
    const { result, serial } = editor.edit(zone, by, action, (edit) => {
      const now = store.find(zone);
      if (now === undefined) return false;
      const times = { keyTtlSeconds: edit.zone.soa_ttl, maxTtlSeconds };
      const done = work({ store, zone: now, at: edit.at }, times);
      if (done) edit.republish();
      return done;
    });
    if (result) log.info(`DNSSEC: ${text}`, { zone: zone.text, serial });
    return result;
  }

  /** Looks through the whole zone and publishes anew what is due. */
  async #survey(zone: DomainName): Promise<Findings> {
    const { publisher, editor, clock } = this.#parts;
    const findings: Findings = { earliestExpiration: Infinity, maxTtlSeconds: 0, due: 0 };
    const signing = publisher.signingOf(zone);
    if (signing === undefined) return findings;
    const current = (): Zone => editor.zone(zone);
    let batch: string[] = [], sliceStart = performance.now();
    for (const due of survey(current, signing, findings, clock.now())) {
      batch.push(...due);
      if (batch.length >= batchNames) {
        await this.#publishAnew(zone, batch);
        batch = [];
      }
      if (this.#stop.signal.aborted) return findings;
      if (performance.now() - sliceStart < sliceMs) continue;
      await new Promise((resume) => setTimeout(resume, 0));
      sliceStart = performance.now();
    }
    if (batch.length > 0) await this.#publishAnew(zone, batch);
    return findings;
  }

  async #publishAnew(zone: DomainName, again: readonly string[]): Promise<void> {
    const { publisher, editor, clock } = this.#parts;
    const signing = publisher.signingOf(zone);
    if (signing === undefined) return;
    const at = clock.now(), signal = this.#stop.signal;
    const jobs = jobsOf({ before: editor.zone(zone), plain: new Map(), again, signing, at });
    const prepared = await signAside(jobs, { signing, at, signal });
    if (signal.aborted) return;
    publisher.with(zone, { again, prepared }, () => {
      editor.edit(zone, by, "dnssec.renew", (edit) => edit.republish());
    });
  }
}
