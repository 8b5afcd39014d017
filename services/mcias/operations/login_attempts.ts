/**
 * Checks passwords against guessing.
 *
 * Every attempt takes one path, whether the name is unknown, has no password,
 * is inactive or the password is wrong: wait in the name's line, look at the
 * stored waits, compute one Argon2id, commit one transaction. Attempts for one name
 * run one after the other, so that many at once can't slip past the count.
 * @module
 */
import type { Clock } from "@lib/clock/mod.ts";
import { rateLimited } from "@lib/errors/mod.ts";
import type { PasswordHasher } from "../crypto/password_hasher.ts";
import { type Account, usernamePattern } from "../domain/account.ts";
import { addressGroup } from "../domain/client_address.ts";
import { afterFailure, type BackoffRule, waitMs } from "../domain/login_backoff.ts";
import type { IdentityStore, Writer } from "../store/identity_store.ts";

export interface AttemptOptions {
  readonly store: IdentityStore;
  readonly hasher: PasswordHasher;
  readonly clock: Clock;
  readonly accountRule: BackoffRule;
  readonly addressRule: BackoffRule;
  /** Told of every attempt: "ok", "wrong" or "waiting". */
  readonly onAttempt?: (outcome: "ok" | "wrong" | "waiting") => void;
}

/** What somebody claims to be, from where. */
export interface Attempt {
  readonly username: string;
  readonly password: string;
  /** `call.remote`. */
  readonly remote: string;
}

/** What the attempt's transaction does. */
export interface AttemptEnd<T> {
  /**
   * Before the transaction, when the password was right: what needs waiting for.
   * The account may change meanwhile; then the attempt fails as if the password were wrong.
   */
  prepare(account: Account): Promise<T>;
  /** Within the transaction that forgets the failures. */
  succeed(writer: Writer, account: Account, prepared: T): void;
  /** Within the transaction that counts the failure. `account` when the name is one. */
  fail(writer: Writer, account: Account | undefined): void;
}

// A registry's client asks for some ten tokens at once; more than this for one name is no client.
const maxLine = 32;

/** See the module's text. */
export class LoginAttempts {
  readonly #options: AttemptOptions;
  readonly #lines = new Map<string, { tail: Promise<void>; length: number }>();

  constructor(options: AttemptOptions) {
    this.#options = options;
  }

  /**
   * The account and what was prepared, or null for any failure.
   * @throws PlatformError rate_limited while the name or the address must wait, or too many attempts are waiting
   */
  async run<T>(attempt: Attempt, end: AttemptEnd<T>): Promise<{ account: Account; prepared: T } | null> {
    // A malformed name can't be one of ours; all of them share one line and one count, like one unknown name.
    const name = usernamePattern.test(attempt.username) ? attempt.username : "";
    return await this.#inLine(name, () => this.#attempt(name, attempt, end));
  }

  async #attempt<T>(
    name: string,
    { password, remote }: Attempt,
    end: AttemptEnd<T>,
  ): Promise<{ account: Account; prepared: T } | null> {
    const { store, hasher, onAttempt } = this.#options;
    const address = addressGroup(remote);
    this.#refuseWaiting(name, address);
    const account = store.accounts.byUsername(name);
    const hash = account === undefined ? null : store.accounts.passwordHash(account.id);
    const matches = await hasher.verify(password, hash);
    if (matches && account !== undefined && hash !== null && account.status === "active") {
      const prepared = await end.prepare(account);
      const raised = hasher.isOutdated(hash) ? await hasher.hash(password) : null;
      const done = store.write((writer) => {
        // The account may have been changed, or its password reset, while the hash was computed.
        const now = writer.accounts.byId(account.id);
        if (now?.status !== "active" || writer.accounts.passwordHash(account.id) !== hash) return null;
        writer.failures.clear("account", name);
        if (raised !== null) writer.accounts.setPasswordHash(account.id, raised);
        end.succeed(writer, now, prepared);
        return { account: now, prepared };
      });
      if (done !== null) {
        onAttempt?.("ok");
        return done;
      }
    }
    store.write((writer) => {
      const { accountRule, addressRule } = this.#options;
      const { failures, at } = writer;
      failures.put("account", name, afterFailure(failures.get("account", name), accountRule, at));
      failures.put("address", address, afterFailure(failures.get("address", address), addressRule, at));
      end.fail(writer, account);
    });
    onAttempt?.("wrong");
    return null;
  }

  #refuseWaiting(name: string, address: string): void {
    const { store, clock, onAttempt } = this.#options;
    const now = clock.now();
    const wait = Math.max(
      waitMs(store.failures.get("account", name), now),
      waitMs(store.failures.get("address", address), now),
    );
    if (wait === 0) return;
    onAttempt?.("waiting");
    throw rateLimited("Too many wrong passwords; wait before the next try", Math.ceil(wait / 1000));
  }

  async #inLine<T>(name: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(name) ?? { tail: Promise.resolve(), length: 0 };
    if (line.length >= maxLine) throw rateLimited("Too many logins for this name at once", 1);
    this.#lines.set(name, line);
    line.length++;
    const before = line.tail;
    const { promise, resolve } = Promise.withResolvers<void>();
    line.tail = promise;
    try {
      await before;
      return await work();
    } finally {
      resolve();
      if (--line.length === 0) this.#lines.delete(name);
    }
  }
}
