/**
 * The seal: which state Metacrypt is in, and the ways from one to another. Each change is an audit row, committed with it.
 * @module
 */
import type { AuditLog } from "@lib/audit/mod.ts";
import { conflict, messageOf, PlatformError, toPlatformError } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { Argon2idCost } from "@lib/pki/mod.ts";
import { checkNewPassword, type SealState } from "../domain/seal_state.ts";
import type { UnsealAttempts } from "../domain/unseal_attempts.ts";
import type { SealStore } from "../store/seal_store.ts";
import type { Transactions } from "../store/transactions.ts";
import type { Barrier } from "./barrier.ts";
import { createKeyFile, readKeyFile } from "./key_file.ts";
import { keyFileSlot, newMasterKey, openWithKeyFile, openWithPassword, passwordSlot } from "./slots.ts";

/** Who asked, for the audit log. */
export interface Actor {
  /** Empty when nobody was authenticated. */
  username: string;
  /** Address, with or without its port; empty for the operator on the machine. */
  remote: string;
}

export interface SealOptions {
  db: Transactions;
  store: SealStore;
  audit: AuditLog;
  barrier: Barrier;
  attempts: UnsealAttempts;
  log: Logger;
  /** Of auto-unseal; empty: off. */
  keyFile: string;
  cost: Argon2idCost;
}

/** One per process. */
export class Seal {
  readonly #parts: SealOptions;
  #epoch: number;

  constructor(parts: SealOptions) {
    this.#parts = parts;
    this.#epoch = parts.store.epoch();
  }

  state(): SealState {
    if (this.#parts.barrier.isOpen) return "unsealed";
    return this.#parts.store.slot("password") === null ? "uninitialized" : "sealed";
  }

  /** Whether this server opens itself at start: a key file is set and wraps the master key. */
  autoUnseals(): boolean {
    return this.#parts.keyFile !== "" && this.#parts.store.slot("key_file") !== null;
  }

  /**
   * Makes the master key, wraps it with the password (and the key file, which is made when it is set and missing), and
   * unseals.
   * @throws invalid("password"), conflict when initialized already, rate_limited
   */
  async init(password: string, actor: Actor): Promise<void> {
    checkNewPassword(password);
    const { db, store, audit, barrier, attempts, keyFile, cost } = this.#parts;
    this.#requireUninitialized();
    attempts.take(addressOf(actor));
    const master = newMasterKey();
    try {
      const slots = [await passwordSlot(master, password, cost)];
      if (keyFile !== "") {
        slots.push(await keyFileSlot(master, await readKeyFile(keyFile) ?? await createKeyFile(keyFile)));
      }
      db.write((at) => {
        // Another process or call may have been quicker while the password was stretched.
        this.#requireUninitialized();
        for (const slot of slots) store.put(slot, at);
        audit.record(at, { ...asEntry(actor), action: "seal.init", detail: slots.map((each) => each.kind).join(",") });
      });
      await barrier.open(master);
    } finally {
      master.fill(0);
    }
  }

  #requireUninitialized(): void {
    if (this.#parts.store.slot("password") !== null) {
      throw conflict("Cannot initialize: a seal password was set already", { hint: "Unseal with that password." });
    }
  }

  /**
   * Opens the barrier. When it is open already nothing is checked or changed. Where a key file is set that does not wrap
   * the master key yet, it does from now on.
   * @throws unauthenticated when the password is wrong, conflict when uninitialized, rate_limited
   */
  async unseal(password: string, actor: Actor): Promise<void> {
    const { store, barrier, attempts } = this.#parts;
    const slot = store.slot("password");
    if (slot === null) throw conflict("Cannot unseal: Metacrypt was never initialized", { hint: "metacrypt init" });
    if (barrier.isOpen) return;
    attempts.take(addressOf(actor));
    const epoch = store.epoch();
    let master: Uint8Array<ArrayBuffer>;
    try {
      master = await openWithPassword(slot, password);
    } catch (error) {
      this.#record(actor, "seal.unseal", toPlatformError(error).code);
      throw error;
    }
    try {
      await this.#enrolKeyFile(master, actor);
      this.#record(actor, "seal.unseal", "ok");
      await barrier.open(master);
      this.#epoch = epoch;
    } finally {
      master.fill(0);
    }
    this.reload();
  }

  async #enrolKeyFile(master: Uint8Array<ArrayBuffer>, actor: Actor): Promise<void> {
    const { db, store, audit, log, keyFile } = this.#parts;
    if (keyFile === "" || store.slot("key_file") !== null) return;
    try {
      const slot = await keyFileSlot(master, await readKeyFile(keyFile) ?? await createKeyFile(keyFile));
      db.write((at) => {
        store.put(slot, at);
        audit.record(at, { ...asEntry(actor), action: "seal.enrol_key_file" });
      });
    } catch (error) {
      log.warn("auto-unseal stays off: the key file can't be used", { key_file: keyFile, error: messageOf(error) });
    }
  }

  /**
   * Opens the barrier with the key file, where one is set and fits. Failures are logged; the server then starts sealed.
   * @returns whether the barrier is open
   */
  async autoUnseal(): Promise<boolean> {
    const { store, barrier, log, keyFile } = this.#parts;
    const slot = store.slot("key_file");
    if (barrier.isOpen) return true;
    if (keyFile === "" || slot === null) return false;
    const actor = { username: "", remote: "" };
    try {
      const secret = await readKeyFile(keyFile);
      if (secret === null) throw new Error("there is no such file");
      const epoch = store.epoch();
      await barrier.open(await openWithKeyFile(slot, secret));
      this.#epoch = epoch;
      this.#record(actor, "seal.auto_unseal", "ok");
    } catch (error) {
      log.error("cannot unseal by key file; unseal with the password", { key_file: keyFile, error: messageOf(error) });
      this.#record(actor, "seal.auto_unseal", error instanceof PlatformError ? error.code : "unavailable");
    }
    this.reload();
    return barrier.isOpen;
  }

  /** Drops every key of this process now, and has other processes on this database do so at their next look. */
  seal(actor: Actor): void {
    const { db, store, audit, barrier } = this.#parts;
    barrier.close();
    db.write((at) => {
      store.advanceEpoch();
      audit.record(at, { ...asEntry(actor), action: "seal.seal" });
    });
    this.#epoch = store.epoch();
  }

  /** To be called when another process has committed: seals when that one was sealed. */
  reload(): void {
    const { store, barrier, log } = this.#parts;
    const epoch = store.epoch();
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    if (barrier.isOpen) {
      barrier.close();
      log.warn("sealed, because another process on this database was");
    }
  }

  #record(actor: Actor, action: string, outcome: string): void {
    this.#parts.db.write((at) => this.#parts.audit.record(at, { ...asEntry(actor), action, outcome }));
  }
}

/** The peer without its port, which changes with every connection. */
function addressOf(actor: Actor): string {
  return actor.remote.replace(/^(\[.*\]|[^:]*):\d+$/, "$1");
}

function asEntry(actor: Actor): { actor: string; remote: string } {
  return { actor: actor.username, remote: actor.remote };
}
