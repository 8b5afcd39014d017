/** Queries as they are answered: for the log, which gets some of them as the config says, and for whoever looks on. */
import { textOfKey } from "../domain/name.ts";
import { typeText } from "../domain/rdata/record_type.ts";
import { rcodes } from "./codes.ts";
import type { Client } from "./transport/responder.ts";

/** A query and what became of it. */
export interface AnsweredQuery {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly client: Client;
  /** Key of the name. */
  readonly key: string;
  readonly type: number;
  /** -1 where no reply was sent. */
  readonly rcode: number;
  /** Of the reply; 0 where none was sent. */
  readonly octets: number;
  /** From reading the query to the whole reply, upstreams included. */
  readonly microseconds: number;
}

/** Told of queries by `Answers`. */
export interface QueryObserver {
  /** Asked before each query: only those that it wants are timed and told. */
  wants(): boolean;
  /** @param rcode -1 for no reply */
  seen(client: Client, key: string, type: number, rcode: number, octets: number, microseconds: number): void;
}

export interface QueryLogOptions {
  /** One of so many queries is written; 0 for none. */
  sample: number;
  now: () => number;
  write: (query: AnsweredQuery) => void;
}

type Watcher = (query: AnsweredQuery) => void;

export class QueryLog implements QueryObserver {
  readonly #options: QueryLogOptions;
  readonly #watchers = new Set<Watcher>();
  #count = 0;

  constructor(options: QueryLogOptions) {
    this.#options = options;
  }

  /** While somebody looks on, every query counts; else those that are written. */
  wants(): boolean {
    return this.#watchers.size > 0 || this.#isSampled();
  }

  seen(client: Client, key: string, type: number, rcode: number, octets: number, microseconds: number): void {
    const query: AnsweredQuery = { at: this.#options.now(), client, key, type, rcode, octets, microseconds };
    // Without a watcher it was asked for as a sample; unless the last one left while an upstream was waited for.
    if (this.#watchers.size === 0 ? this.#options.sample > 0 : this.#isSampled()) this.#options.write(query);
    for (const watcher of this.#watchers) watcher(query);
  }

  /** Tells the watcher of every query from now on, until the returned function is called. It must not throw. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #isSampled(): boolean {
    const { sample } = this.#options;
    return sample > 0 && this.#count++ % sample === 0;
  }
}

/** A query in words: as fields of a log event, and for who looks on. */
export function queryFields(
  query: AnsweredQuery,
): {
  client: string;
  transport: string;
  name: string;
  type: string;
  rcode: string;
  octets: number;
  microseconds: number;
} {
  const { client, key, type, rcode, octets, microseconds } = query;
  return {
    client: client.address,
    transport: client.transport,
    name: textOfKey(key),
    type: typeText(type),
    rcode: rcodeText(rcode),
    octets,
    microseconds,
  };
}

const rcodeNames = new Map(Object.entries(rcodes).map(([name, code]) => [code as number, name]));

/** `NXDOMAIN`; `RCODE11` for one without a name; "" for -1, no reply. */
export function rcodeText(rcode: number): string {
  return rcode < 0 ? "" : rcodeNames.get(rcode) ?? `RCODE${rcode}`;
}
