/**
 * Moves one body from where it comes to where it goes, at the pace of the slower.
 * @module
 */
import { HttpFault } from "./fault.ts";
import { passingTrailers } from "./fields.ts";
import type { Fields } from "./message.ts";

/** A body as it comes: data alone, whatever framing it travels in. */
export interface BodySource {
  /**
   * The next bytes as they come, or null at the end; never empty. The view is valid until the next `read`. Answers at
   * once (no promise) when bytes are at hand. Rejects when the connection breaks before the end.
   * @throws HttpFault when the body is malformed or too large
   */
  read(): Promise<Uint8Array | null> | Uint8Array | null;
  /** True when `read` has given the last bytes, where that is known before it gives null. */
  readonly ended: boolean;
  /** There is room around each view that a sink may write framing to (h1/chunked.ts says how much). */
  readonly hasMargins: boolean;
  /** Complete after the end. */
  readonly trailers: Fields | null;
  /** Called once after the end, when no view is in use any more; not when the relay failed. */
  release(): void;
}

/** Where a body goes. A head may wait in it, to leave together with the first bytes. */
export interface BodySink {
  /** Settles when `bytes` may be used again. Rejects when the connection broke. */
  write(bytes: Uint8Array, hasMargins: boolean): Promise<void> | void;
  /** Lets a waiting head go: nothing more is at hand. */
  flush(): Promise<void> | void;
  /** The last bytes, perhaps none, and the end. */
  end(bytes: Uint8Array, hasMargins: boolean, trailers: Fields | null): Promise<void> | void;
}

/** The source ended early or broke, or the sink broke; `side` says which. */
export class BodyCut extends Error {
  override readonly name = "BodyCut";
  constructor(readonly side: "source" | "sink", cause: unknown) {
    super(side === "source" ? "the body ended early" : "the receiver went away", { cause });
  }
}

/**
 * Called before each wait.
 * @param side the one that is waited for
 * @param bytes of the body that are about to move
 */
export type Progress = (side: "source" | "sink", bytes: number) => void;

export const noBytes = new Uint8Array(0);

/**
 * Relays until the body has ended. What is at hand whole goes without a promise.
 * @throws BodyCut when either side fails; HttpFault when the body is malformed. The sink then has a body that it can
 *   tell is incomplete, as long as nobody ends it.
 */
export function relayBody(from: BodySource, to: BodySink, progress: Progress): Promise<void> | void {
  const next = readNext(from);
  if (next instanceof Promise || (next !== null && !from.ended)) return relayPieces(next, from, to, progress);
  progress("sink", next?.length ?? 0);
  const written = finish(to, next ?? noBytes, from);
  if (written instanceof Promise) return settle(written, "sink").then(() => from.release());
  from.release();
}

async function relayPieces(
  first: ReturnType<BodySource["read"]>,
  from: BodySource,
  to: BodySink,
  progress: Progress,
): Promise<void> {
  for (let next = first;; next = readNext(from)) {
    if (next instanceof Promise) {
      // Nothing at hand: the head must not wait for the body (events, long polls, 100-continue).
      const flushed = flush(to);
      if (flushed instanceof Promise) {
        next.catch(() => {});
        progress("sink", 0);
        await settle(flushed, "sink");
      }
      progress("source", 0);
      next = await settle(next, "source");
    }
    const over = next === null || from.ended;
    progress("sink", next?.length ?? 0);
    const written = over ? finish(to, next ?? noBytes, from) : write(to, next!, from.hasMargins);
    if (written instanceof Promise) await settle(written, "sink");
    if (over) return from.release();
  }
}

/** Ends a sink whose message has no body. */
export function relayNothing(to: BodySink, progress: Progress): Promise<void> | void {
  progress("sink", 0);
  try {
    const written = to.end(noBytes, false, null);
    if (written instanceof Promise) return settle(written, "sink");
  } catch (error) {
    throw new BodyCut("sink", error);
  }
}

async function settle<Value>(promise: Promise<Value>, side: "source" | "sink"): Promise<Value> {
  try {
    return await promise;
  } catch (error) {
    throw broken(error, side);
  }
}

function readNext(from: BodySource): ReturnType<BodySource["read"]> {
  try {
    return from.read();
  } catch (error) {
    throw broken(error, "source");
  }
}

function flush(to: BodySink): Promise<void> | void {
  try {
    return to.flush();
  } catch (error) {
    throw broken(error, "sink");
  }
}

function write(to: BodySink, bytes: Uint8Array, hasMargins: boolean): Promise<void> | void {
  try {
    return to.write(bytes, hasMargins);
  } catch (error) {
    throw broken(error, "sink");
  }
}

function finish(to: BodySink, bytes: Uint8Array, from: BodySource): Promise<void> | void {
  try {
    return to.end(bytes, from.hasMargins, passingTrailers(from.trailers));
  } catch (error) {
    throw broken(error, "sink");
  }
}

function broken(error: unknown, side: "source" | "sink"): Error {
  return side === "source" && error instanceof HttpFault ? error : new BodyCut(side, error);
}
