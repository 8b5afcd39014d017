/**
 * Keeps a certificate for each of a changing set of names: orders the first, renews in time, tries again when that
 * fails. What is served stays served until something better is there.
 *
 * Of several processes over one folder, one orders; the others take what it writes.
 * @module
 */
import type { AcmeClient, ChallengeSolver, Renewal } from "@lib/acme/mod.ts";
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf, PlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { CertificateFiles } from "@lib/tls/mod.ts";
import { nameCovers } from "../domain/hostname.ts";
import type { ServedCertificate } from "../tls/certificate_folder.ts";
import type { PairFolder } from "./pair_folder.ts";

export interface CertificateKeeperOptions {
  folder: PairFolder;
  /** Called once, by the process that orders. */
  client(accountKey: CryptoKeyPair): Pick<AcmeClient, "issue" | "renewal">;
  solver: ChallengeSolver;
  clock: Clock;
  log: Logger;
  /** How often it is looked whether something is due, and whether another process has written, ms; default 5000. */
  lookMs?: number;
  /** 0 to 1; default by chance. */
  random?: () => number;
}

/** Orders and questions to the CA at once. */
const maxRunning = 4;
/** After the first failure, doubled with each, and at most, ms: 1, 2, 4 … minutes, every six hours from the tenth on. */
const firstRetryMs = 60_000;
const mostRetryMs = 6 * 3_600_000;
/** A CA that says "not before" is heard up to this, ms; past it, it can't hurt to ask. */
const mostRetryAfterMs = 24 * 3_600_000;
/**
 * A CA whose word is "renew at once", again and again, is heard this often, ms, or once in a tenth of the certificate's
 * life where that is less.
 */
const leastLifeMs = 3_600_000;
/** When the CA couldn't be asked when to renew, it is tried again after this, ms. */
const askRetryMs = 600_000;

interface Entry {
  readonly hostname: string;
  readonly stop: AbortController;
  files: CertificateFiles | null;
  /** Of the files that were read. */
  stamp: string;
  /** When to order, ms since the epoch. */
  orderAt: number;
  /** Not before, whatever the CA says. */
  restUntil: number;
  /** When to ask the CA when to renew. */
  askAt: number;
  failures: number;
  /** Why the last order failed, or the last question when to renew; "" when they didn't. */
  failure: string;
  running: boolean;
}

/** See the module. */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #random: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Set<Promise<void>>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #client: Promise<Pick<AcmeClient, "issue" | "renewal">> | null = null;
  #led = false;
  #closed = false;

  /** `start()` makes it order. */
  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  /**
   * From here on it orders: call it when challenges can be answered, which is when the listeners are open. Before that
   * it only reads what the folder has.
   */
  start(): void {
    this.#timer ??= setInterval(() => this.look(), this.#options.lookMs ?? 5000);
    this.look();
  }

  /** The names that are wanted from now on: new ones are read from the folder or ordered, others forgotten. */
  retain(hostnames: ReadonlySet<string>): void {
    for (const [hostname, entry] of this.#entries) {
      if (hostnames.has(hostname)) continue;
      entry.stop.abort();
      this.#entries.delete(hostname);
    }
    for (const hostname of hostnames) if (!this.#entries.has(hostname)) this.#add(hostname);
    this.look();
  }

  /** What is served for the name. Its `error` says what an operator should know. */
  find(hostname: string): ServedCertificate {
    const entry = this.#entries.get(hostname);
    const { names = [], notAfter = null, context = null } = entry?.files ?? {};
    return { names, notAfter, context, error: entry === undefined ? "not wanted" : alarmOf(entry) };
  }

  /** What is wrong, for the health: a line for each name. */
  alarms(): string[] {
    return [...this.#entries.values()].map((entry) => [entry.hostname, alarmOf(entry)]).filter(([, alarm]) =>
      alarm !== ""
    )
      .map(([hostname, alarm]) => `ACME ${hostname}: ${alarm}`);
  }

  /** Does what is due now. By itself every `lookMs`. */
  look(): void {
    if (this.#closed || this.#timer === undefined) return;
    const { folder, clock } = this.#options;
    if (!this.#led) {
      // Before it takes over, too: the process before may have written as its last deed.
      this.#led = folder.leads();
      this.#follow();
      if (!this.#led) return;
    }
    const now = clock.now();
    for (const entry of this.#entries.values()) {
      if (this.#running.size >= maxRunning) return;
      if (entry.running) continue;
      if (now >= entry.orderAt) this.#run(entry, () => this.#order(entry));
      else if (entry.files !== null && now >= entry.askAt) this.#run(entry, () => this.#ask(entry));
    }
  }

  /** Orders for the name at the next look, whatever the back-off says; for an operator. @returns false for an unknown name */
  renewNow(hostname: string): boolean {
    const entry = this.#entries.get(hostname);
    if (entry === undefined) return false;
    entry.orderAt = 0;
    this.look();
    return true;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Stops; orders under way are given up. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const { stop } of this.#entries.values()) stop.abort();
    await this.settled();
  }

  #add(hostname: string): void {
    const entry: Entry = {
      hostname,
      stop: new AbortController(),
      files: null,
      stamp: "",
      orderAt: 0,
      restUntil: 0,
      askAt: 0,
      failures: 0,
      failure: "",
      running: false,
    };
    this.#entries.set(hostname, entry);
    this.#read(entry);
  }

  /** Takes the folder's pair into use, if it is good; else what is served stays. */
  #read(entry: Entry): void {
    const { folder, clock, log } = this.#options;
    const stamp = folder.stamp(entry.hostname);
    // Good or not, it isn't read again until it changes.
    entry.stamp = stamp;
    const files = folder.load(entry.hostname, clock, log);
    if (files === null || !files.names.some((name) => nameCovers(name, entry.hostname))) return;
    Object.assign(entry, { files, orderAt: Infinity, askAt: 0, failures: 0, failure: "" });
  }

  /** What another process has written. */
  #follow(): void {
    for (const entry of this.#entries.values()) {
      const stamp = this.#options.folder.stamp(entry.hostname);
      if (stamp !== "" && stamp !== entry.stamp) this.#read(entry);
    }
  }

  #run(entry: Entry, work: () => Promise<void>): void {
    entry.running = true;
    const done = work().catch((error) => {
      this.#options.log.error("Keeping an ACME certificate failed", { hostname: entry.hostname, error });
    }).finally(() => {
      entry.running = false;
      this.#running.delete(done);
      this.look();
    });
    this.#running.add(done);
  }

  async #order(entry: Entry): Promise<void> {
    const { folder, solver, clock, log } = this.#options;
    const { hostname, stop, files } = entry;
    try {
      const client = await this.#opened();
      const { chainPem, keyPem, notAfter } = await client.issue({
        names: [hostname],
        key: "P-256",
        solver,
        signal: stop.signal,
        ...(files === null ? {} : { replaces: files.chainPem }),
      });
      folder.write(hostname, chainPem, keyPem);
      this.#read(entry);
      if (entry.files === files) throw new Error("the certificate that was got can't be served");
      const now = clock.now();
      entry.restUntil = now + Math.min(leastLifeMs, (notAfter.getTime() - now) / 10);
      log.info("ACME certificate got", { hostname, not_after: notAfter.toISOString() });
    } catch (error) {
      // Given up on: the name isn't wanted any more, or the program ends.
      if (stop.signal.aborted) return;
      entry.failures++;
      const ms = this.#retryMs(entry.failures, error);
      entry.orderAt = clock.now() + ms;
      const next = new Date(entry.orderAt).toISOString();
      entry.failure = `${messageOf(error)}; tried ${times(entry.failures)}, next at ${next}`;
      log.error(files === null ? "No ACME certificate" : "ACME renewal failed; the old certificate stays in use", {
        hostname,
        reason: messageOf(error),
        failures: entry.failures,
        next_try: next,
      });
    }
  }

  /** Up to a quarter is taken off by chance, so that names that failed together don't try together. */
  #retryMs(failures: number, error: unknown): number {
    const backOff = Math.min(mostRetryMs, firstRetryMs * 2 ** (failures - 1)) * (1 - this.#random() / 4);
    const told = error instanceof PlatformError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    return Math.max(backOff, Math.min(told, mostRetryAfterMs));
  }

  async #ask(entry: Entry): Promise<void> {
    const { files, stop } = entry;
    let renewal: Renewal;
    try {
      const client = await this.#opened();
      renewal = await client.renewal(files!.chainPem, stop.signal);
    } catch (error) {
      if (stop.signal.aborted) return;
      entry.askAt = this.#options.clock.now() + askRetryMs;
      if (entry.failures === 0) entry.failure = messageOf(error);
      throw error;
    }
    if (stop.signal.aborted) return;
    const { at, askAgainAt, byCa, explanationUrl } = renewal;
    entry.askAt = askAgainAt.getTime();
    // While orders fail, their back-off counts.
    if (entry.failures === 0) {
      entry.orderAt = Math.max(at.getTime(), entry.restUntil);
      entry.failure = "";
    }
    this.#options.log.debug("ACME renewal planned", {
      hostname: entry.hostname,
      at: at.toISOString(),
      by_ca: byCa,
      ...(explanationUrl === "" ? {} : { explanation: explanationUrl }),
    });
  }

  #opened(): Promise<Pick<AcmeClient, "issue" | "renewal">> {
    if (this.#client === null) {
      const { folder, client } = this.#options;
      this.#client = folder.accountKey().then(client);
      this.#client.catch(() => this.#client = null);
    }
    return this.#client;
  }
}

function alarmOf({ files, failure }: Entry): string {
  if (failure === "") return files === null ? "the certificate is being ordered" : "";
  return `${
    files === null ? "no certificate" : `the certificate can't be renewed and ends at ${files.notAfter.toISOString()}`
  }: ${failure}`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
