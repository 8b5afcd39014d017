/**
 * Where names, and what follows each of their labels, stand in the message being written (RFC 1035 §4.1.4). A hash table
 * that is never cleared: an entry counts only for the message it was made in.
 */
import { LookupName } from "../domain/lookup_name.ts";

/** A power of two. With at most three quarters full, a look takes a few steps; more suffixes than that are not kept. */
const slots = 1024;
const maxKept = 768;

/** A pointer has 14 bits. */
const maxPointer = 0x3fff;

export class NameCompressor {
  readonly #hashes = new Int32Array(slots);
  readonly #offsets = new Uint16Array(slots);
  readonly #generations = new Float64Array(slots);
  readonly #name = new LookupName();
  #generation = 0;
  #kept = 0;
  #out: Uint8Array = new Uint8Array(0);

  /** Forgets all names: a new message begins in `out`. */
  start(out: Uint8Array): void {
    this.#out = out;
    this.#generation++;
    this.#kept = 0;
  }

  /** Takes note of a name that stands written out at `at`. */
  note(name: LookupName, at: number): void {
    for (let label = 0; label < name.labels; label++) {
      const slot = this.#find(name, label);
      if (this.#generations[slot] !== this.#generation) this.#keep(slot, name.hashes[label]!, at + name.starts[label]!);
    }
  }

  /** Writes the name of that key at `at`, as much of it as isn't in the message yet; returns where it ends, -1 when that is after `limit`. */
  write(key: string, at: number, limit: number): number {
    const name = this.#name.set(key), out = this.#out, { octets, starts } = name;
    for (let label = 0; label < name.labels; label++) {
      const slot = this.#find(name, label);
      if (this.#generations[slot] === this.#generation) {
        if (at + 2 > limit) return -1;
        const target = this.#offsets[slot]!;
        out[at] = 0xc0 | target >> 8;
        out[at + 1] = target;
        return at + 2;
      }
      const start = starts[label]!, end = starts[label + 1]!;
      if (at + end - start > limit) return -1;
      this.#keep(slot, name.hashes[label]!, at);
      for (let i = start; i < end; i++) out[at++] = octets[i]!;
    }
    if (at >= limit) return -1;
    out[at] = 0;
    return at + 1;
  }

  /** The slot of the suffix that starts with that label, or the free one where it would go. */
  #find(name: LookupName, label: number): number {
    const hash = name.hashes[label]!;
    for (let slot = (hash ^ hash >>> 15) & (slots - 1);; slot = (slot + 1) & (slots - 1)) {
      if (this.#generations[slot] !== this.#generation) return slot;
      if (this.#hashes[slot] === hash && this.#standsAt(this.#offsets[slot]!, name, name.starts[label]!)) return slot;
    }
  }

  #keep(slot: number, hash: number, at: number): void {
    if (at > maxPointer || this.#kept === maxKept) return;
    this.#kept++;
    this.#generations[slot] = this.#generation;
    this.#hashes[slot] = hash;
    this.#offsets[slot] = at;
  }

  /** Whether what stands at `at` is the rest of `name` from `start`, in whatever letter case. */
  #standsAt(at: number, name: LookupName, start: number): boolean {
    const out = this.#out, { octets, length } = name;
    for (let i = start; i < length;) {
      let octet = out[at]!;
      // Only labels start with such octets here: a length octet is at most 63, and a pointer stands where a label could.
      while (octet >= 0xc0) {
        at = (octet & 0x3f) << 8 | out[at + 1]!;
        octet = out[at]!;
      }
      if (octet !== octets[i]) return false;
      at++;
      i++;
      for (let left = octet; left > 0; left--, at++, i++) {
        const letter = out[at]!;
        if ((letter >= 0x41 && letter <= 0x5a ? letter + 0x20 : letter) !== octets[i]) return false;
      }
    }
    return true;
  }
}
