/**
 * How many connections each client has open; one entry per client that has any.
 * @module
 */
import type { ClientKey } from "./client_key.ts";

export class OpenConnections {
  readonly #counts = new Map<string, number>();

  /** Clients with connections. */
  get clients(): number {
    return this.#counts.size;
  }

  of(client: ClientKey): number {
    return this.#counts.get(nameOf(client)) ?? 0;
  }

  opened(client: ClientKey): void {
    const name = nameOf(client);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  closed(client: ClientKey): void {
    const name = nameOf(client);
    const left = (this.#counts.get(name) ?? 0) - 1;
    if (left > 0) this.#counts.set(name, left);
    else this.#counts.delete(name);
  }
}

function nameOf({ family, high, low }: ClientKey): string {
  return `${family}/${high}/${low}`;
}
