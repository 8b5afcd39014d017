/**
 * Received body bytes that wait for their reader.
 * @module
 */

/** Bytes per segment; the usual largest DATA frame. */
const segmentBytes = 16 * 1024;
/** Spare segments kept for the next body, of all connections together. */
const maxIdle = 64;
const idle: Uint8Array[] = [];

/**
 * A queue of bytes. Small frames are packed together, so that what waits costs its own size and at most one segment
 * more, however finely a peer cuts it (CVE-2019-9517, CVE-2019-9518). Flow control bounds what is put in.
 */
export class BodyQueue {
  /** Bytes that wait. */
  length = 0;
  readonly #segments: Uint8Array[] = [];
  /** Used bytes of the last segment; the others are full or closed at their own length. */
  #tail = 0;
  #lent: Uint8Array | null = null;

  /** Copies `bytes` in. */
  push(bytes: Uint8Array): void {
    this.length += bytes.length;
    let from = 0;
    const last = this.#segments.at(-1);
    if (last !== undefined && this.#tail < last.length) {
      from = Math.min(bytes.length, last.length - this.#tail);
      last.set(bytes.subarray(0, from), this.#tail);
      this.#tail += from;
    }
    while (from < bytes.length) {
      const rest = bytes.length - from;
      // A short body alone gets its own size; a second piece shows that more comes.
      const segment = rest < 2048 && this.#segments.length === 0
        ? new Uint8Array(rest)
        : idle.pop() ?? new Uint8Array(segmentBytes);
      const count = Math.min(rest, segment.length);
      segment.set(bytes.subarray(from, from + count));
      this.#segments.push(segment);
      this.#tail = count;
      from += count;
    }
  }

  /** The next bytes, valid until the next `take` or `clear`; null when there are none. */
  take(): Uint8Array | null {
    this.#giveBack();
    const segment = this.#segments.shift();
    if (segment === undefined) return null;
    const view = this.#segments.length === 0 ? segment.subarray(0, this.#tail) : segment;
    this.#lent = segment;
    this.length -= view.length;
    return view;
  }

  /** Drops everything that waits and returns how much it was. */
  clear(): number {
    const dropped = this.length;
    // Not the lent one: its reader may still look at it.
    this.#lent = null;
    for (const segment of this.#segments) keep(segment);
    this.#segments.length = 0;
    this.length = 0;
    return dropped;
  }

  #giveBack(): void {
    if (this.#lent === null) return;
    keep(this.#lent);
    this.#lent = null;
  }
}

function keep(segment: Uint8Array): void {
  if (segment.length === segmentBytes && idle.length < maxIdle) idle.push(segment);
}
