/**
 * Keeps signed zones signed: renews signatures, takes the steps of rollovers when they are due, signs a new zone name by
 * name and takes signatures away again. All that it has to know lies in the database, so it goes on after a restart where
 * it was.
 */
import { messageOf, PlatformError } from "@lib/errors/mod.ts";
import { plannedSteps, waitsForDs } from "../domain/key_rollover.ts";
import { DomainName } from "../domain/name.ts";
import { signatureTimes } from "../domain/signing_policy.ts";
import { ZoneCare, type ZoneCareParts, type ZoneCondition } from "./zone_care.ts";

/** What another process has begun is seen after this long, and what failed tried again, ms. */
const maxSleepMs = 60_000;

/** A step that is refused each time must not keep the processor busy, ms. */
const minSleepMs = 100;

/** How often the parent is asked for the DS that a zone waits for, ms; it costs a look into memory. */
const parentDsMs = 1000;

/** A zone under care. */
interface Patient {
  readonly care: ZoneCare;
  /** The visit that is under way, and those that wait for it. */
  visits: Promise<void> | null;
  /** When the last one ended, ms since the epoch. */
  visitedAt: number;
  /** What it threw; null when it went well. */
  failure: string | null;
}

export class DnssecMaintenance implements AsyncDisposable {
  readonly #parts: ZoneCareParts;
  readonly #patients = new Map<string, Patient>();
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStarted = false;
  #ticking: Promise<void> | null = null;

  constructor(parts: Omit<ZoneCareParts, "signal">) {
    this.#parts = { ...parts, signal: this.#stop.signal };
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
    await Promise.allSettled([...this.#patients.values()].map(({ visits }) => visits));
  }

  /** Visits the zones that are due; logs what fails. Returns when the next is due, ms since the epoch; null for none. */
  async tick(): Promise<number | null> {
    const { store, clock, log } = this.#parts;
    for (const name of store.names()) {
      const zone = DomainName.parse(name, "zones.name");
      if (this.#stop.signal.aborted) return null;
      if (this.#dueAt(zone) > clock.now()) continue;
      try {
        await this.visit(zone, false);
      } catch (error) {
        log.error("cannot keep a zone signed; trying again in a minute", { zone: name, error: messageOf(error) });
      }
    }
    return this.#nextDue();
  }

  /**
   * Does all that is due for the zone, and resolves when it is done; visits to one zone follow each other.
   * @param isChanged looks at every name although that was done lately: the zone's keys or its policy have changed
   */
  visit(zone: DomainName, isChanged = true): Promise<void> {
    const patient = this.#patient(zone);
    const visit = (patient.visits ?? Promise.resolve()).catch(() => {}).then(() => this.#visit(patient, isChanged));
    patient.visits = visit;
    const end = () => {
      if (patient.visits === visit) patient.visits = null;
      this.#sleep();
    };
    visit.then(end, end);
    return visit;
  }

  /** Null before the first look at all names that found nothing to do. */
  condition(zone: DomainName): ZoneCondition | null {
    return this.#patients.get(zone.key)?.care.condition ?? null;
  }

  /** What an operator must look at, a sentence each: zones that can't be kept signed, and signatures that end before that is mended. */
  problems(): string[] {
    const { store, clock } = this.#parts;
    return store.names().flatMap((name) => {
      const zone = DomainName.parse(name, "zones.name");
      const policy = store.find(zone)?.policy;
      const failure = this.#patients.get(zone.key)?.failure ?? null;
      const end = this.condition(zone)?.signaturesExpireAt ?? Infinity;
      const left = end - clock.now();
      const isUrgent = policy !== undefined && left <= signatureTimes(policy).alarm * 1000;
      if (failure === null && !isUrgent) return [];
      const why = failure === null ? "" : `: ${failure}`;
      if (!isUrgent) return [`zone ${name} can't be kept signed${why}`];
      return [
        `signatures of zone ${name} ${left <= 0 ? "ended" : "end"} at ${
          new Date(end).toISOString()
        }, not renewed${why}`,
      ];
    });
  }

  #patient(zone: DomainName): Patient {
    let patient = this.#patients.get(zone.key);
    if (patient === undefined) {
      patient = { care: new ZoneCare(zone, this.#parts), visits: null, visitedAt: 0, failure: null };
      this.#patients.set(zone.key, patient);
    }
    return patient;
  }

  async #visit(patient: Patient, isChanged: boolean): Promise<void> {
    const { clock } = this.#parts;
    try {
      await patient.care.work(isChanged);
      patient.failure = null;
    } catch (error) {
      // Deleted meanwhile: there is nothing to look after any more.
      if (error instanceof PlatformError && error.code === "not_found") return;
      patient.failure = messageOf(error);
      throw error;
    } finally {
      patient.visitedAt = clock.now();
    }
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
    let ms = maxSleepMs;
    try {
      ms = Math.min(Math.max((this.#nextDue() ?? Infinity) - this.#parts.clock.now(), minSleepMs), maxSleepMs);
    } catch (error) {
      this.#parts.log.error("cannot tell when signed zones are due", { error: messageOf(error) });
    }
    this.#timer = setTimeout(() => this.#ticking = this.#run(), ms);
  }

  #nextDue(): number | null {
    const due = this.#parts.store.names().map((name) => this.#dueAt(DomainName.parse(name, "zones.name")));
    return due.length === 0 ? null : Math.min(...due);
  }

  /** Ms since the epoch. */
  #dueAt(zone: DomainName): number {
    const found = this.#parts.store.find(zone);
    if (found === undefined) return Infinity;
    const { visitedAt, failure, care } = this.#patient(zone);
    if (failure !== null) return visitedAt + maxSleepMs;
    const step = plannedSteps(found, found.keys)[0]?.at ?? Infinity;
    const parent = waitsForDs(found.phase, found.keys) ? visitedAt + parentDsMs : Infinity;
    return Math.min(step, parent, care.condition?.nextSurveyAt ?? 0);
  }
}
