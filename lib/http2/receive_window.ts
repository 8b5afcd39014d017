/**
 * One flow-control window of the receiving side (RFC 9113 §5.2): what the peer may still send, and what it is owed.
 * @module
 */

/**
 * Credit is announced by halves: below half a window it is collected, so that a small body costs no WINDOW_UPDATE and a
 * large one costs two per window, while the peer always has half the window less what our reader hasn't taken.
 */
export class ReceiveWindow {
  /** May be negative after our SETTINGS have shrunk it (RFC 9113 §6.9.2). */
  #left: number;
  #owed = 0;

  /** @param left what the peer may send now @param size what it may send when everything has been read */
  constructor(left: number, readonly size: number) {
    this.#left = left;
  }

  get left(): number {
    return this.#left;
  }

  /** Counts flow-controlled octets that came; false when the peer wasn't allowed that many. */
  receive(octets: number): boolean {
    if (octets > this.#left) return false;
    this.#left -= octets;
    return true;
  }

  /** Counts octets that were taken out of our buffers; returns the increment to announce now, or 0. */
  release(octets: number): number {
    this.#owed += octets;
    if (this.#owed * 2 < this.size || this.#owed === 0) return 0;
    const increment = this.#owed;
    this.#owed = 0;
    this.#left += increment;
    return increment;
  }

  /** Moves the window when a setting that the peer has acknowledged changes its size. */
  shift(octets: number): void {
    this.#left += octets;
  }
}
