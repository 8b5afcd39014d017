/**
 * The dynamic table of a decoder (RFC 7541 §2.3.2, §4): a ring of the newest fields, bounded by their weight.
 * @module
 */
import { entryOverheadBytes } from "./static_table.ts";

/** Names and values in the order they came; entry 1 is the newest. */
export class DynamicTable {
  #names: string[] = [];
  #values: string[] = [];
  /** Slots in the ring less one; slots are a power of two. */
  #mask = -1;
  /** Where the next entry goes. */
  #next = 0;
  #count = 0;
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Entries. */
  get length(): number {
    return this.#count;
  }

  /** Weight of the entries: their octets and 32 for each (RFC 7541 §4.1). */
  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Sets the most that entries may weigh and drops the oldest down to it (RFC 7541 §4.3). */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  /** @param index from 1, the newest, to `length` */
  name(index: number): string {
    return this.#names[(this.#next - index) & this.#mask]!;
  }

  /** @param index from 1, the newest, to `length` */
  value(index: number): string {
    return this.#values[(this.#next - index) & this.#mask]!;
  }

  /** Adds an entry; one that is heavier than the table empties it, which is no error (RFC 7541 §4.4). */
  add(name: string, value: string): void {
    const weight = name.length + value.length + entryOverheadBytes;
    if (weight > this.#maxBytes) return this.clear();
    this.#evict(this.#maxBytes - weight);
    if (this.#count > this.#mask) this.#grow();
    this.#names[this.#next] = name;
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) & this.#mask;
    this.#count++;
    this.#bytes += weight;
  }

  /** Drops all entries. */
  clear(): void {
    this.#evict(0);
  }

  #evict(maxBytes: number): void {
    while (this.#bytes > maxBytes) {
      const oldest = (this.#next - this.#count) & this.#mask;
      this.#bytes -= this.#names[oldest]!.length + this.#values[oldest]!.length + entryOverheadBytes;
      this.#count--;
      // Dropped text must not live on in the slot.
      this.#names[oldest] = this.#values[oldest] = "";
    }
  }

  #grow(): void {
    const names: string[] = [];
    const values: string[] = [];
    for (let index = this.#count; index >= 1; index--) {
      names.push(this.name(index));
      values.push(this.value(index));
    }
    const slots = Math.max(16, 2 * (this.#mask + 1));
    while (names.length < slots) {
      names.push("");
      values.push("");
    }
    this.#names = names;
    this.#values = values;
    this.#mask = slots - 1;
    this.#next = this.#count;
  }
}
