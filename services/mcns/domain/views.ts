/**
 * Views: what a client is answered can depend on the network that it asks from (split horizon). Each view has a directory
 * of its own; zones without anything of a view's own are the same object in all of them.
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { ZoneDirectory } from "./zone_directory.ts";

/** A view, as the config names it. */
export interface View {
  readonly name: string;
  /** Whether a client's address is in its networks. */
  has(address: string): boolean;
}

export class Views {
  /** What clients in no view are answered from. */
  readonly general = new ZoneDirectory();
  readonly #views: readonly (View & { readonly directory: ZoneDirectory })[];

  /** @param views the first one that has a client's address is the client's */
  constructor(views: readonly View[] = []) {
    this.#views = views.map((view) => ({
      name: view.name,
      has: (address) => view.has(address),
      directory: new ZoneDirectory(),
    }));
  }

  get names(): string[] {
    return this.#views.map(({ name }) => name);
  }

  /** The zones for a client at `address`. */
  directoryFor(address: string): ZoneDirectory {
    // Most servers have none: the hot path is one comparison.
    if (this.#views.length === 0) return this.general;
    return this.#views.find((view) => view.has(address))?.directory ?? this.general;
  }

  /** The name of the view that a client at `address` is in, "" for none. */
  nameFor(address: string): string {
    return this.#views.find((view) => view.has(address))?.name ?? "";
  }

  /** The directory of the view of that name; undefined for one that the config doesn't have. */
  directoryOf(name: string): ZoneDirectory | undefined {
    return this.#views.find((view) => view.name === name)?.directory;
  }

  /** Returns `name` when the config has that view, or "" when it is "". Throws Invalid on `field`. */
  check(name: string, field = "view"): string {
    if (name === "" || this.directoryOf(name) !== undefined) return name;
    const known = this.names.length === 0 ? "the config has none" : `the config has ${this.names.join(", ")}`;
    throw invalid(field, `must be a view of [[views]] in the config, got ${quote(name)}; ${known}`);
  }
}
