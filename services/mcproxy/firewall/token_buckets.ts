/**
 * Token buckets, one per rule and client, in a fixed amount of memory.
 *
 * A hash table with chains and a list in order of use, all in typed arrays: 48 bytes a bucket, nothing for the collector
 * of garbage, every step in constant time. When all buckets are in use the one that has not been used for longest is
 * taken: an attacker with more addresses than there are buckets gets full buckets anew, and nobody gets memory.
 * @module
 */
import type { Rate } from "../domain/firewall_rule.ts";
import type { ClientKey } from "./client_key.ts";

const none = -1;
/** Buckets that there is room for at first; doubled when needed. */
const firstCapacity = 1024;

/** See the module. */
export class TokenBuckets {
  readonly #limit: number;
  /** Strangers choose addresses; without the seed they can't choose chains. */
  readonly #seed: number;
  #capacity: number;
  #used = 0;
  /** First bucket of each chain. */
  #chains: Int32Array;
  #next: Int32Array;
  /** Order of use: `#newest` to `#oldest` by `#older`. */
  #older: Int32Array;
  #newer: Int32Array;
  #newest = none;
  #oldest = none;
  /** Four words each: rule, family, high, low. */
  #keys: Uint32Array;
  #tokens: Float64Array;
  /** Milliseconds, monotonic, when `#tokens` was right. */
  #times: Float64Array;

  /** @param limit the most buckets at once, at least 1; 100,000 take 5 MB */
  constructor(limit: number, seed: number = crypto.getRandomValues(new Uint32Array(1))[0]!) {
    this.#limit = limit;
    this.#seed = seed;
    this.#capacity = Math.min(firstCapacity, limit);
    this.#chains = new Int32Array(chainCount(this.#capacity)).fill(none);
    this.#next = new Int32Array(this.#capacity);
    this.#older = new Int32Array(this.#capacity);
    this.#newer = new Int32Array(this.#capacity);
    this.#keys = new Uint32Array(4 * this.#capacity);
    this.#tokens = new Float64Array(this.#capacity);
    this.#times = new Float64Array(this.#capacity);
  }

  /** Buckets in use. */
  get size(): number {
    return this.#used;
  }

  /**
   * Takes one token.
   * @param rule a number that stands for the rule
   * @param nowMs monotonic
   * @returns false when there is none; then none is taken
   */
  take(rule: number, client: ClientKey, { perSecond, burst }: Rate, nowMs: number): boolean {
    let bucket = this.#find(rule, client);
    if (bucket === none) {
      bucket = this.#add(rule, client);
      this.#tokens[bucket] = burst;
    } else {
      this.#touch(bucket);
      this.#tokens[bucket] = this.#filled(bucket, perSecond, burst, nowMs);
    }
    this.#times[bucket] = nowMs;
    if (this.#tokens[bucket]! < 1) return false;
    this.#tokens[bucket]! -= 1;
    return true;
  }

  /** The tokens that the client has; changes nothing. */
  peek(rule: number, client: ClientKey, { perSecond, burst }: Rate, nowMs: number): number {
    const bucket = this.#find(rule, client);
    return bucket === none ? burst : this.#filled(bucket, perSecond, burst, nowMs);
  }

  #filled(bucket: number, perSecond: number, burst: number, nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#times[bucket]!);
    return Math.min(burst, this.#tokens[bucket]! + elapsedMs * perSecond / 1000);
  }

  #find(rule: number, { family, high, low }: ClientKey): number {
    const keys = this.#keys;
    let bucket = this.#chains[this.#hash(rule, family, high, low)]!;
    for (; bucket !== none; bucket = this.#next[bucket]!) {
      const at = 4 * bucket;
      if (keys[at + 3] === low && keys[at + 2] === high && keys[at] === rule && keys[at + 1] === family) break;
    }
    return bucket;
  }

  #add(rule: number, { family, high, low }: ClientKey): number {
    if (this.#used === this.#capacity && this.#capacity < this.#limit) this.#grow();
    let bucket = this.#used;
    if (bucket === this.#capacity) {
      bucket = this.#oldest;
      this.#unchain(bucket);
      this.#unlink(bucket);
    } else this.#used++;
    this.#keys.set([rule, family, high, low], 4 * bucket);
    this.#chain(bucket);
    this.#link(bucket);
    return bucket;
  }

  #touch(bucket: number): void {
    if (this.#newest === bucket) return;
    this.#unlink(bucket);
    this.#link(bucket);
  }

  #link(bucket: number): void {
    this.#older[bucket] = this.#newest;
    this.#newer[bucket] = none;
    if (this.#newest === none) this.#oldest = bucket;
    else this.#newer[this.#newest] = bucket;
    this.#newest = bucket;
  }

  #unlink(bucket: number): void {
    const older = this.#older[bucket]!;
    const newer = this.#newer[bucket]!;
    if (older === none) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === none) this.#newest = older;
    else this.#older[newer] = older;
  }

  #chain(bucket: number): void {
    const chain = this.#chainOf(bucket);
    this.#next[bucket] = this.#chains[chain]!;
    this.#chains[chain] = bucket;
  }

  #unchain(bucket: number): void {
    const chain = this.#chainOf(bucket);
    let at = this.#chains[chain]!;
    if (at === bucket) {
      this.#chains[chain] = this.#next[bucket]!;
      return;
    }
    while (this.#next[at] !== bucket) at = this.#next[at]!;
    this.#next[at] = this.#next[bucket]!;
  }

  #chainOf(bucket: number): number {
    const at = 4 * bucket;
    return this.#hash(this.#keys[at]!, this.#keys[at + 1]!, this.#keys[at + 2]!, this.#keys[at + 3]!);
  }

  #hash(rule: number, family: number, high: number, low: number): number {
    let mixed = mix(this.#seed ^ rule);
    mixed = mix(mixed ^ high);
    mixed = mix(mixed ^ low ^ family);
    return mixed & (this.#chains.length - 1);
  }

  #grow(): void {
    this.#capacity = Math.min(2 * this.#capacity, this.#limit);
    const longer = <T extends Int32Array | Uint32Array | Float64Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    this.#next = new Int32Array(this.#capacity);
    this.#older = longer(this.#older, new Int32Array(this.#capacity));
    this.#newer = longer(this.#newer, new Int32Array(this.#capacity));
    this.#keys = longer(this.#keys, new Uint32Array(4 * this.#capacity));
    this.#tokens = longer(this.#tokens, new Float64Array(this.#capacity));
    this.#times = longer(this.#times, new Float64Array(this.#capacity));
    this.#chains = new Int32Array(chainCount(this.#capacity)).fill(none);
    for (let bucket = 0; bucket < this.#used; bucket++) this.#chain(bucket);
  }
}

/** A power of two, so that chains hold one bucket on the average. */
function chainCount(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
}

/** The finaliser of MurmurHash3: every bit of the number moves every other. */
function mix(value: number): number {
  value = Math.imul(value ^ value >>> 16, 0x85ebca6b);
  value = Math.imul(value ^ value >>> 13, 0xc2b2ae35);
  return (value ^ value >>> 16) >>> 0;
}
