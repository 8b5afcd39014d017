/** The last queries, for the query log and the live view: some of all, as the config says. */
import { textOfKey } from "../domain/name.ts";
import { typeText } from "../domain/rdata/record_type.ts";
import { rcodes } from "./codes.ts";
import type { Client } from "./transport/responder.ts";

/** What is told of a query and its reply. */
export interface QuerySeen {
  /** Counts up from 1; one per entry. */
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly client: string;
  readonly transport: Client["transport"];
  /** Without the final dot; "." for the root. */
  readonly name: string;
  readonly type: string;
  /** "NXDOMAIN"; "" where no reply was sent. */
  readonly rcode: string;
  /** From reading the query to the whole reply, upstreams included. */
  readonly microseconds: number;
}

/** Told of queries by `Answers`. */
export interface QueryObserver {
  /** Asked before each query: only those that it wants are timed and told. */
  wants(): boolean;
  /** @param rcode -1 for no reply */
  seen(client: Client, key: string, type: number, rcode: number, microseconds: number): void;
}

export interface QueryLogOptions {
  /** One of so many queries is kept; 0 for none. */
  sample: number;
  /** Entries kept; the oldest goes first. */
  capacity?: number;
  now: () => number;
  /** Gets each entry as well, as it comes. */
  write?: (entry: QuerySeen) => void;
}

const defaultCapacity = 1000;

export class QueryLog implements QueryObserver {
  readonly #options: QueryLogOptions;
  readonly #entries: QuerySeen[] = [];
  readonly #capacity: number;
  #count = 0;
  #ids = 0;
  /** Who looks on right now: then every query counts. */
  #watchers = 0;

  constructor(options: QueryLogOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? defaultCapacity;
  }

  wants(): boolean {
    if (this.#watchers > 0) return true;
    const { sample } = this.#options;
    return sample > 0 && this.#count++ % sample === 0;
  }

  seen(client: Client, key: string, type: number, rcode: number, microseconds: number): void {
    const entry: QuerySeen = {
      id: ++this.#ids,
      at: this.#options.now(),
      client: client.address,
      transport: client.transport,
      name: textOfKey(key),
      type: typeText(type),
      rcode: rcode < 0 ? "" : rcodeText(rcode),
      microseconds,
    };
    this.#entries[(entry.id - 1) % this.#capacity] = entry;
    this.#options.write?.(entry);
  }

  /** Entries after that id, oldest first, `limit` of the newest at most. */
  after(id: number, limit: number = this.#capacity): QuerySeen[] {
    const first = Math.max(id + 1, this.#ids - this.#capacity + 1, this.#ids - limit + 1, 1);
    return Array.from(
      { length: Math.max(0, this.#ids - first + 1) },
      (_, i) => this.#entries[(first + i - 1) % this.#capacity]!,
    );
  }

  /** Keeps every query from now on, until the returned function is called. */
  watch(): () => void {
    this.#watchers++;
    let watching = true;
    return () => {
      if (watching) this.#watchers--;
      watching = false;
    };
  }
}

const rcodeNames = new Map(Object.entries(rcodes).map(([name, code]) => [code as number, name]));

/** `NXDOMAIN`; `RCODE11` for one without a name. */
export function rcodeText(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`;
}
