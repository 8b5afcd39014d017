/**
 * Fairness between connections. A client that sends hundreds of requests in one packet would have all of them begun in
 * one turn of the event loop, and everybody else would wait for the end of it.
 *
 * So work that comes in bulk is begun in portions: so many pieces a turn, of all clients together, and where more wait,
 * the clients take turns by pieces. What other clients' connections bring is looked at between two portions.
 * @module
 */

/** Work of one client, begun in order. */
export interface Lane {
  /** Begins it within this turn if there is room in it, after what is being handled; else in a later one. */
  add(begin: () => void): void;
  /** Drops what hasn't begun. */
  close(): void;
}

/** See the module. */
export class Turns {
  /** Lanes with work, each once; the first is next. */
  readonly #waiting: WaitingLane[] = [];
  /**
   * Places left. They are given anew when somebody has had to wait, not at the end of each turn: being called then would
   * make more and smaller turns of an honest load.
   */
  #left: number;
  #scheduled = false;
  readonly #next = () => this.#begin();

  /** @param perTurn pieces of work that are begun in a turn */
  constructor(readonly perTurn: number) {
    this.#left = perTurn;
  }

  lane(): Lane {
    return new WaitingLane(this);
  }

  /** Takes a place in this turn. @returns false when there is none */
  take(): boolean {
    if (this.#left === 0 || this.#waiting.length > 0) return false;
    this.#left--;
    return true;
  }

  wait(lane: WaitingLane): void {
    this.#waiting.push(lane);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#next);
  }

  #begin(): void {
    this.#scheduled = false;
    this.#left = this.perTurn;
    while (this.#left > 0) {
      const lane = this.#waiting.shift();
      if (lane === undefined) return;
      const begin = lane.shift();
      if (begin === undefined) continue;
      this.#left--;
      if (lane.length > 0) this.#waiting.push(lane);
      begin();
    }
    if (this.#waiting.length > 0) this.#schedule();
  }
}

class WaitingLane implements Lane {
  #work: (() => void)[] = [];
  #at = 0;

  constructor(readonly turns: Turns) {}

  get length(): number {
    return this.#work.length - this.#at;
  }

  add(begin: () => void): void {
    if (this.length === 0 && this.turns.take()) return queueMicrotask(begin);
    this.#work.push(begin);
    if (this.length === 1) this.turns.wait(this);
  }

  shift(): (() => void) | undefined {
    const begin = this.#work[this.#at];
    if (begin === undefined) return undefined;
    this.#at++;
    if (this.#at === this.#work.length) {
      this.#work = [];
      this.#at = 0;
    }
    return begin;
  }

  close(): void {
    this.#work = [];
    this.#at = 0;
  }
}
