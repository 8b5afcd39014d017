/** Long work in slices: queries, timers and other callers get their turn in between. */

/** Longest slice, ms: a query that has to wait for one is still answered sooner than over the next link. */
const sliceMs = 8;

export class Slices {
  #since = performance.now();

  /** Whether it is time to give way. Asked after each small piece of work. */
  get isOver(): boolean {
    return performance.now() - this.#since >= sliceMs;
  }

  /** Lets others have their turn. */
  async giveWay(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#since = performance.now();
  }

  /** Does all that `work` has to do; it yields where it may be interrupted. */
  async run<T>(work: Iterator<unknown, T>): Promise<T> {
    for (;;) {
      const { done, value } = work.next();
      if (done === true) return value;
      if (this.isOver) await this.giveWay();
    }
  }
}
