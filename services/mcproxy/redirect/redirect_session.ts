/**
 * One connection to the plain HTTP port: a few short requests, then it is over.
 * @module
 */
import { isHostname } from "../domain/hostname.ts";
import { type Head, type HeadLimits, readHead } from "../h1/head.ts";
import { writePage } from "../h1/pages.ts";
import type { Verdict } from "../listening/guard.ts";
import { refusalPage } from "../relay/answers.ts";
import { HttpFault } from "../relay/fault.ts";
import { type Page, page } from "../relay/pages.ts";
import type { ConnStream } from "../stream/conn_stream.ts";
import type { Deadline, Deadlines } from "../stream/deadlines.ts";
import {
  challengeAnswer,
  challengeToken,
  parsePlainRequest,
  type PlainRequest,
  redirectAnswer,
} from "./plain_request.ts";

/** What requests are answered from. */
export interface RedirectRules {
  /** The port on which the name is served over HTTPS; null when it isn't. */
  httpsPort(hostname: string): number | null;
  /** The key authorization of an open http-01 challenge for that name (RFC 8555 §8.3); null when there is none. */
  challengeAnswer(token: string, hostname: string): string | null;
}

export interface RedirectLimits {
  head: HeadLimits;
  /** From the accept, or from a request's first byte, to the end of its head, ms. */
  headMs: number;
}

export interface RedirectSessionOptions {
  client: ConnStream;
  rules: RedirectRules;
  limits: RedirectLimits;
  deadlines: Deadlines;
  /** The firewall's word on a request. */
  admit(at: { hostname: string; path: string; userAgent: string }): Verdict;
  /** Called with each request's name. */
  requested(hostname: string): void;
  /** Called with each answer. @param asked null for what was no request  @param rule the firewall's that refused it */
  answered(asked: PlainRequest | null, what: Page, rule: string): void;
  /** IMF-fixdate of now. */
  date(): string;
}

/** Browsers ask for a page and its icon here before they follow; nobody has more to do on this port. */
const maxRequests = 16;
/** Between requests, ms: the next one goes elsewhere. */
const keepAliveMs = 5000;
/** While draining, the first request of a connection may take this long to come, ms. */
const firstRequestMs = 1000;
/** For an answer to be taken, and the client to close after the last (RFC 9112 §9.6), ms. */
const lingerMs = 2000;
/** Taken from a client after the last answer, so that a body on its way doesn't reset it, bytes. */
const lingerBytes = 64 * 1024;

/** See the module. */
export class RedirectSession {
  readonly #options: RedirectSessionOptions;
  readonly #deadline: Deadline;
  #draining = false;
  #served = false;
  #phase: "idle" | "head" | "answer" = "idle";

  constructor(options: RedirectSessionOptions) {
    this.#options = options;
    this.#deadline = options.deadlines.open(() => this.#expired());
  }

  /** Serves until the connection is done, and closes it. Never rejects. */
  async run(): Promise<void> {
    const { client, limits } = this.#options;
    try {
      this.#deadline.set(limits.headMs);
      for (let count = 1; await this.#next(count === maxRequests); count++) {
        if (this.#draining) break;
        this.#served = true;
        this.#phase = "idle";
        this.#deadline.set(keepAliveMs);
      }
      this.#phase = "answer";
      this.#deadline.set(lingerMs);
      await client.endWrite();
      for (let left = lingerBytes; left > 0 && !client.closed;) {
        const bytes = await client.read();
        if (bytes === null) break;
        left -= bytes.length;
      }
    } catch {
      // Reset, or destroyed by a deadline: there is nobody to tell.
    } finally {
      this.#deadline.close();
      client.finish();
    }
  }

  /** No further request after the one under way; a connection that is new still gets its first one answered. */
  drain(): void {
    this.#draining = true;
    if (this.#phase !== "idle") return;
    if (this.#served) this.#options.client.destroy();
    else this.#deadline.set(firstRequestMs);
  }

  /** @returns whether another request may follow */
  async #next(last: boolean): Promise<boolean> {
    const { client, limits } = this.#options;
    let head: Head | null;
    let parsed: PlainRequest;
    try {
      head = await readHead(client, limits.head, () => {
        this.#phase = "head";
        this.#deadline.set(limits.headMs);
      });
      if (head === null) return false;
      parsed = parsePlainRequest(head);
    } catch (error) {
      if (!(error instanceof HttpFault)) throw error;
      const what = page(error.status, error.reason);
      this.#options.answered(null, what, "");
      return await this.#send(what, true, false);
    }
    const { request } = parsed;
    // A body isn't read: its sender is to go elsewhere with it, and a connection of a few bytes is cheap to make anew.
    const close = last || this.#draining || !request.keepAlive || request.framing.kind !== "none";
    const { what, rule = "" } = this.#answerFor(parsed);
    this.#options.answered(parsed, what, rule);
    return await this.#send(what, close, request.method === "HEAD");
  }

  #answerFor(parsed: PlainRequest): { what: Page; rule?: string } {
    const { rules, admit, requested } = this.#options;
    const { request, hostname } = parsed;
    requested(hostname);
    const token = challengeToken(request);
    if (token !== null) {
      // Before the firewall: a CA asks from anywhere, and gets what only it can use.
      const found = rules.challengeAnswer(token, hostname);
      if (found !== null) return { what: challengeAnswer(found) };
    }
    const at = request.fields.names.indexOf("user-agent");
    const verdict = admit({ hostname, path: request.target, userAgent: at < 0 ? "" : request.fields.values[at]! });
    if (!verdict.allowed) return { what: refusalPage(verdict), rule: verdict.rule };
    if (token !== null) return { what: page(404, "no such challenge is open") };
    return { what: redirectAnswer(parsed, isHostname(hostname) ? rules.httpsPort(hostname) : null) };
  }

  async #send(what: Page, close: boolean, head: boolean): Promise<boolean> {
    this.#phase = "answer";
    this.#deadline.set(lingerMs);
    await this.#options.client.write(writePage(what, { close, head, date: this.#options.date() }));
    return !close;
  }

  #expired(): void {
    const { client } = this.#options;
    if (this.#phase !== "head") return client.destroy();
    this.#phase = "answer";
    this.#deadline.set(lingerMs);
    const late = new HttpFault(408, "the request's head took too long");
    const what = page(late.status, late.reason);
    this.#options.answered(null, what, "");
    void this.#send(what, true, false).catch(() => {}).then(() => client.destroy());
  }
}
