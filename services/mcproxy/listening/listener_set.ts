/**
 * All listeners of the process: the configuration's, and those that the API made.
 * @module
 */
import { conflict, invalid, messageOf, quote } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import { type Listener, type ListenerInput, type ListenerKind, parseListener } from "../domain/listener.ts";
import type { ListenerWriter } from "../store/listener_store.ts";
import type { ListenerCounters } from "../traffic/counters.ts";

/** What takes connections on one address. */
export interface Door {
  /** With the port in use. */
  readonly address: string;
  readonly counters: ListenerCounters;
  /** Changes who must send the PROXY header; for new connections. */
  trust(senders: readonly string[]): void;
  /** Stops accepting, lets what is under way finish for `drainMs`, then ends the rest. */
  close(drainMs: number): Promise<void>;
}

/** A listener that is open. */
export interface OpenListener {
  readonly listener: Listener;
  readonly fromConfig: boolean;
  readonly address: string;
  readonly door: Door;
}

export interface ListenerSetOptions {
  /** The configuration's. */
  configured: readonly ListenerInput[];
  store: ListenerWriter;
  /** `[listen] allow_addrs`: what the sandbox lets the API bind. */
  allowedAddresses: readonly string[];
  /** Binds it. @throws PlatformError when the address can't be bound, or a sender isn't an address */
  open(listener: Listener): Door;
  /** How many routes name it. */
  routesOn(name: string): number;
  /** Called when listeners have come or gone. */
  changed(): void;
  drainMs: number;
  log: Logger;
}

/** See the module. */
export class ListenerSet {
  readonly #options: ListenerSetOptions;
  readonly #configured: readonly Listener[];
  readonly #open = new Map<string, OpenListener>();
  readonly #closing = new Set<Promise<void>>();
  /** Stored ones that can't be opened, by name, with the reason. */
  readonly #failed = new Map<string, string>();

  /** @throws PlatformError `invalid` for a bad one in the configuration */
  constructor(options: ListenerSetOptions) {
    this.#options = options;
    this.#configured = options.configured.map((input) => parseListener(input, "listeners."));
  }

  /** Opens all of them. @throws PlatformError when one of the configuration's can't be opened */
  start(): void {
    for (const listener of this.#configured) this.#opened(listener, true, this.#options.open(listener));
    this.reload();
  }

  /** In the order in which they were opened; the configuration's come first. */
  all(): readonly OpenListener[] {
    return [...this.#open.values()];
  }

  /** Of all that are configured or stored, open or not. */
  names(): string[] {
    return [...this.#configured.map(({ name }) => name), ...this.#options.store.all().map(({ name }) => name)];
  }

  /** Names of those of that kind. */
  namesOf(kind: ListenerKind): string[] {
    return [...this.#configured, ...this.#options.store.all()].filter((one) => one.kind === kind)
      .map(({ name }) => name);
  }

  /** Why stored listeners aren't open, in words for an operator. */
  get unopened(): readonly string[] {
    return [...this.#failed].map(([name, reason]) => `listener ${name}: ${reason}`);
  }

  /** Opens, changes and closes the stored ones until they are what the store says. */
  reload(): void {
    const wanted = new Map(this.#options.store.all().map((row) => [row.name, row]));
    let isChanged = false;
    for (const { listener, fromConfig } of this.all()) {
      if (fromConfig || wanted.has(listener.name)) continue;
      this.#close(listener.name);
      isChanged = true;
    }
    this.#failed.clear();
    for (const row of wanted.values()) {
      try {
        isChanged = this.#set(this.#checked(row)) || isChanged;
      } catch (error) {
        this.#failed.set(row.name, messageOf(error));
        this.#options.log.error("Stored listener can't be opened", { listener: row.name, reason: messageOf(error) });
      }
    }
    if (isChanged) this.#options.changed();
  }

  /**
   * Opens a listener, or changes one; idempotent.
   * @throws PlatformError `invalid` for a bad field, `conflict` for one of the configuration's, `unavailable` when the
   *   address is taken or the store doesn't take it; then all is as before
   */
  put(input: ListenerInput): OpenListener {
    const listener = this.#checked(input);
    const row = { ...listener, proxyProtocolFrom: [...listener.proxyProtocolFrom] };
    this.#set(listener, () => this.#options.store.put(row));
    this.#failed.delete(listener.name);
    this.#options.changed();
    return this.#open.get(listener.name)!;
  }

  /**
   * @returns false when there was none
   * @throws PlatformError `conflict` for one of the configuration's, or while routes name it
   */
  delete(name: string): boolean {
    if (this.#isConfigured(name)) throw configured(name);
    const routes = this.#options.routesOn(name);
    if (routes > 0) {
      throw conflict(`Cannot delete listener ${quote(name)}: ${routes} of its routes would be cut off`, {
        hint: "Delete these first",
      });
    }
    const deleted = this.#options.store.delete(name);
    this.#failed.delete(name);
    if (this.#open.has(name)) this.#close(name);
    this.#options.changed();
    return deleted;
  }

  /** All drain side by side. */
  async close(drainMs: number): Promise<void> {
    for (const { door } of this.#open.values()) this.#closing.add(door.close(drainMs));
    this.#open.clear();
    await Promise.all(this.#closing);
  }

  #checked(input: ListenerInput): Listener {
    const listener = parseListener(input);
    const { allowedAddresses } = this.#options;
    if (this.#isConfigured(listener.name)) throw configured(listener.name);
    if (!allowedAddresses.includes(listener.address)) {
      const allowed = allowedAddresses.length === 0 ? "none is allowed" : `allowed: ${allowedAddresses.join(", ")}`;
      throw invalid("address", `${quote(listener.address)} is no address that the API may listen on; ${allowed}`, {
        hint: 'Add it to "[listen] allow_addrs" in mcproxy.toml and restart MC-Proxy',
      });
    }
    for (const other of this.#open.values()) {
      if (other.listener.address === listener.address && other.listener.name !== listener.name) {
        throw conflict(`Cannot listen on ${listener.address}: listener ${quote(other.listener.name)} does`);
      }
    }
    return listener;
  }

  #isConfigured(name: string): boolean {
    return this.#configured.some((listener) => listener.name === name);
  }

  /**
   * @param store keeps the change; when it throws, all is as before
   * @returns whether there is one more
   */
  #set(listener: Listener, store = () => {}): boolean {
    const open = this.#open.get(listener.name);
    if (open?.listener.address === listener.address && open.listener.kind === listener.kind) {
      open.door.trust(listener.proxyProtocolFrom);
      orElse(store, () => open.door.trust(open.listener.proxyProtocolFrom));
      this.#open.set(listener.name, { ...open, listener });
      return false;
    }
    // Other addresses don't collide, and the same one may be bound twice for the moment (port sharing).
    const door = this.#options.open(listener);
    orElse(store, () => this.#drain(door));
    if (open !== undefined) this.#close(listener.name);
    this.#opened(listener, false, door);
    return open === undefined;
  }

  #opened(listener: Listener, fromConfig: boolean, door: Door): void {
    this.#open.set(listener.name, { listener, fromConfig, address: door.address, door });
    this.#options.log.info("Listening", { listener: listener.name, kind: listener.kind, address: door.address });
  }

  #close(name: string): void {
    const open = this.#open.get(name)!;
    this.#open.delete(name);
    this.#drain(open.door);
    this.#options.log.info("Listener closed", { listener: name });
  }

  #drain(door: Door): void {
    const closing = door.close(this.#options.drainMs);
    this.#closing.add(closing);
    closing.finally(() => this.#closing.delete(closing));
  }
}

/** Runs `work`; when it throws, `undo` as well. */
function orElse(work: () => void, undo: () => void): void {
  try {
    work();
  } catch (error) {
    undo();
    throw error;
  }
}

function configured(name: string) {
  return conflict(`Cannot change listener ${quote(name)}: it is the configuration's`, {
    hint: "Change [[listeners]] in mcproxy.toml and restart MC-Proxy",
  });
}
