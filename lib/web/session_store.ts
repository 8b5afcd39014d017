/**
 * Sessions of browsers: the state stays in memory, the cookie holds a signed random id.
 * A restart signs everybody out, which is what the loss of the state means anyway.
 * @module
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type Clock, systemClock } from "@lib/clock/mod.ts";

/** One browser's session. */
export interface Session<T> {
  readonly id: string;
  /** Must come back with every form, see {@linkcode requireCsrf}. */
  readonly csrfToken: string;
  readonly value: T;
}

export interface SessionStoreOptions {
  /** The service's name; the cookie is `__Host-<name>`, which browsers accept by HTTPS only and for this host alone. */
  name: string;
  /** Unused for this long, a session ends; in ms, default 30 minutes. */
  idleMs?: number;
  /** A session's longest life, in ms; default 12 hours, a working day. */
  lifeMs?: number;
  /** Sessions at once; default 10,000 (some 5 MB). The longest unused one makes room for a new one. */
  maxSessions?: number;
  /**
   * "Lax", the default: another site's link, or its sign-in on the way back, finds the session. "Strict": only pages of
   * this host do, see {@linkcode site}.
   */
  sameSite?: "Lax" | "Strict";
  clock?: Clock;
}

interface Entry<T> {
  session: Session<T>;
  endsAt: number;
  usedAt: number;
}

export class SessionStore<T> {
  readonly #cookie: string;
  readonly #idleMs: number;
  readonly #lifeMs: number;
  readonly #max: number;
  readonly #clock: Clock;
  readonly #protection: string;
  readonly #key = randomBytes(32);
  /** In the order of last use, oldest first. */
  readonly #entries = new Map<string, Entry<T>>();

  constructor(options: SessionStoreOptions) {
    this.#cookie = `__Host-${options.name}`;
    this.#idleMs = options.idleMs ?? 30 * 60_000;
    this.#lifeMs = options.lifeMs ?? 12 * 3_600_000;
    this.#max = options.maxSessions ?? 10_000;
    this.#clock = options.clock ?? systemClock;
    this.#protection = `Secure; HttpOnly; SameSite=${options.sameSite ?? "Lax"}`;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Starts a session. Always a fresh one at sign-in: an id from before must not be worth more after. */
  create(value: T): { session: Session<T>; setCookie: string } {
    const now = this.#clock.monotonic();
    for (const [id, entry] of this.#entries) {
      if (this.#entries.size < this.#max && !this.#over(entry, now)) break;
      this.#entries.delete(id);
    }
    const id = randomBytes(32).toString("base64url");
    const session = { id, csrfToken: this.#sign(`csrf ${id}`), value };
    this.#entries.set(id, { session, endsAt: now + this.#lifeMs, usedAt: now });
    const attributes = `Path=/; Max-Age=${Math.floor(this.#lifeMs / 1000)}; ${this.#protection}`;
    return { session, setCookie: `${this.#cookie}=${id}.${this.#sign(`session ${id}`)}; ${attributes}` };
  }

  /**
   * The request's session, or null: none, ended, forged.
   * @param use whether it counts as use of the session; a page that refreshes itself is no use
   */
  find(request: Request, use = true): Session<T> | null {
    const id = this.#idOf(request);
    const entry = id === null ? undefined : this.#entries.get(id);
    if (id === null || entry === undefined) return null;
    const now = this.#clock.monotonic();
    if (this.#over(entry, now)) {
      this.#entries.delete(id);
      return null;
    }
    if (use) {
      entry.usedAt = now;
      this.#entries.delete(id);
      this.#entries.set(id, entry);
    }
    return entry.session;
  }

  /** Ends the request's session, if it has one; the returned cookie makes the browser forget it. */
  end(request: Request): { setCookie: string } {
    const id = this.#idOf(request);
    if (id !== null) this.#entries.delete(id);
    return { setCookie: `${this.#cookie}=; Path=/; Max-Age=0; ${this.#protection}` };
  }

  /** Ends every session that `which` is true for: an account was locked, its password changed. */
  endWhere(which: (value: T) => boolean): void {
    for (const [id, { session }] of this.#entries) if (which(session.value)) this.#entries.delete(id);
  }

  #over(entry: Entry<T>, now: number): boolean {
    return now >= entry.endsAt || now - entry.usedAt >= this.#idleMs;
  }

  #idOf(request: Request): string | null {
    for (const part of (request.headers.get("cookie") ?? "").split(";")) {
      const [name, value = ""] = part.trim().split("=", 2);
      if (name !== this.#cookie) continue;
      const [id = "", signature = ""] = value.split(".", 2);
      if (sameText(signature, this.#sign(`session ${id}`))) return id;
    }
    return null;
  }

  #sign(text: string): string {
    return createHmac("sha256", this.#key).update(text).digest("base64url");
  }
}

/** Compares in a time that tells nothing but the lengths. */
export function sameText(a: string, b: string): boolean {
  const left = new TextEncoder().encode(a);
  const right = new TextEncoder().encode(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
