/**
 * Samples of all rounds.
 * @module
 */

export class Results {
  readonly #samples = new Map<string, number[]>();

  add(subject: string, one: string, value: number): void {
    const key = `${one} ${subject}`;
    this.#samples.set(key, [...this.#samples.get(key) ?? [], value]);
  }

  /** Null when the subject had no part in the case. */
  median(subject: string, one: string): number | null {
    const samples = this.#samples.get(`${one} ${subject}`);
    return samples === undefined ? null : medianOf(samples);
  }

  /**
   * How many times as much the first costs as the second: the median over turns that followed each other, as machines
   * drift. Null when one of them had no part.
   */
  ratio(subject: string, other: string, one: string): number | null {
    const [its, others] = [subject, other].map((name) => this.#samples.get(`${one} ${name}`));
    if (its === undefined || others === undefined) return null;
    return medianOf(its.map((value, round) => value / others[round]!));
  }
}

function medianOf(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
