/**
 * One flow-control window of the receiving side (RFC 9113 §5.2): what the peer may still send, and what it is owed.
 * @module
 */

/**
 * Credit is collected until it is as much as the peer has left: half a window when everything is read at once, so that a
 * small body costs no WINDOW_UPDATE; less when bytes wait for a reader, so that those who do read share what is left of
 * the connection's window without standing still.
 */
export class ReceiveWindow {
  /** May be negative after our SETTINGS have shrunk it (RFC 9113 §6.9.2). */
  #left: number;
  #owed = 0;

  /** @param left what the peer may send now */
  constructor(left: number) {
    this.#left = left;
  }

  get left(): number {
    return this.#left;
  }

  /** Counts flow-controlled octets that came; false when the peer wasn't allowed that many. */
  receive(octets: number): boolean {
    // RFC 9113 §6.9.1: an empty frame needs no window.
    if (octets > this.#left && octets > 0) return false;
    this.#left -= octets;
    return true;
  }

  /** Counts octets that were taken out of our buffers; returns the increment to announce now, or 0. */
  release(octets: number): number {
    this.#owed += octets;
    if (this.#owed < this.#left || this.#owed === 0) return 0;
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
