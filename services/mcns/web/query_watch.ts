/**
 * Remembers the last minutes of queries while somebody looks at them: a page without scripts can't listen to a stream
 * itself. One watch serves all who look; it begins with the first look and ends a minute after the last one, so that
 * answering pays nothing for it otherwise.
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "@lib/clock/mod.ts";
import { messageOf } from "@lib/errors/mod.ts";
import type { Logger } from "@lib/log/mod.ts";
import type { ObservedQuery } from "@proto/mcns/v1/mcns_pb.ts";

/** Queries of one piece of time, by response code. */
export interface RatePiece {
  /** ms since the epoch. */
  readonly from: number;
  readonly counts: ReadonlyMap<string, number>;
}

/** What was seen. */
export interface Observed {
  /** ms since the epoch; what came before it was not watched. */
  readonly since: number;
  /** Oldest first, without gaps, up to now. */
  readonly pieces: readonly RatePiece[];
  /** Newest first. */
  readonly latest: readonly ObservedQuery[];
}

/** Length of a piece and number of them: five minutes in all. */
export const pieceMs = 5000;
export const pieceCount = 60;

const maxLatest = 500;
/** A page that is being looked at asks every few seconds; a hidden one not at all. */
const idleMs = 60_000;

type Open = (signal: AbortSignal) => AsyncIterable<ObservedQuery>;

export class QueryWatch implements Disposable {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By number: the time divided by `pieceMs`. */
  readonly #pieces = new Map<number, Map<string, number>>();
  #latest: ObservedQuery[] = [];
  #since = 0;
  #watching: AbortController | null = null;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** What was seen up to now. @param open starts the stream, in the name of who looks, when none runs */
  look(open: Open): Observed {
    if (this.#watching === null) this.#begin(open);
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#end(), idleMs);
    const last = Math.floor(this.#clock.now() / pieceMs);
    const pieces: RatePiece[] = [];
    for (let number = last - pieceCount + 1; number <= last; number++) {
      pieces.push({ from: number * pieceMs, counts: this.#pieces.get(number) ?? new Map() });
    }
    return { since: this.#since, pieces, latest: this.#latest.toReversed() };
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #begin(open: Open): void {
    const watching = new AbortController();
    this.#watching = watching;
    this.#since = this.#clock.now();
    this.#pieces.clear();
    this.#latest = [];
    this.#follow(open(watching.signal), watching).catch((error) => {
      if (!watching.signal.aborted) this.#log.warn("watching queries ended", { error: messageOf(error) });
    }).finally(() => {
      // The next look begins anew.
      if (this.#watching === watching) this.#watching = null;
    });
  }

  async #follow(queries: AsyncIterable<ObservedQuery>, { signal }: AbortController): Promise<void> {
    for await (const query of queries) {
      if (signal.aborted) return;
      this.#keep(query);
    }
  }

  #keep(query: ObservedQuery): void {
    const at = query.at === undefined ? this.#clock.now() : timestampMs(query.at);
    const number = Math.floor(at / pieceMs);
    let counts = this.#pieces.get(number);
    if (counts === undefined) {
      this.#pieces.set(number, counts = new Map());
      for (const old of this.#pieces.keys()) if (old <= number - pieceCount) this.#pieces.delete(old);
    }
    counts.set(query.rcode, (counts.get(query.rcode) ?? 0) + 1);
    this.#latest.push(query);
    // Cut now and then, not at each query.
    if (this.#latest.length >= 2 * maxLatest) this.#latest = this.#latest.slice(-maxLatest);
  }

  #end(): void {
    clearTimeout(this.#idle);
    this.#watching?.abort();
    this.#watching = null;
  }
}
