/**
 * The data section of a MaxMind DB file (format 2.0): typed values, with pointers among them.
 *
 * A file may be damaged or made to harm: every read is checked against the section's end, a pointer may not lead to a
 * pointer, nesting has a limit (which ends circles too), and so has the number of values that one record unfolds to.
 * @module
 */

/** What a record can hold; 64 and 128 bits are bigints. */
export type MmdbValue = string | number | bigint | boolean | Uint8Array | MmdbValue[] | { [key: string]: MmdbValue };

/** Types by their numbers in the format. */
export const mmdbTypes = {
  pointer: 1,
  text: 2,
  double: 3,
  bytes: 4,
  uint16: 5,
  uint32: 6,
  map: 7,
  int32: 8,
  uint64: 9,
  uint128: 10,
  array: 11,
  boolean: 14,
  float: 15,
} as const;

/** Real records have four levels; libmaxminddb's limit is 512. */
const maxDepth = 64;
/** Real records have about a hundred values; without a limit nested pointers to one array unfold without end. */
const maxValues = 10_000;

/** The most octets of a number, by type. */
const widths: Readonly<Record<number, number>> = {
  [mmdbTypes.uint16]: 2,
  [mmdbTypes.uint32]: 4,
  [mmdbTypes.int32]: 4,
  [mmdbTypes.uint64]: 8,
  [mmdbTypes.uint128]: 16,
};

/** See the module; offsets are counted from the section's begin. */
export class MmdbData {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  // The control bytes that were read last: type, size or pointer's target, and where what comes after them begins.
  #type = 0;
  #size = 0;
  #at = 0;
  #values = 0;

  constructor(section: Uint8Array) {
    this.#bytes = section;
    this.#view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The value at `offset`, whole. @throws Error for data that breaks the format or a limit */
  decode(offset: number): MmdbValue {
    this.#values = 0;
    this.#at = offset;
    return this.#decode(0);
  }

  /**
   * The text at the end of a way through maps, without decoding what lies beside it.
   * @returns null when a key isn't there, or what is there is no map, or at the end no text
   * @throws Error for data that breaks the format or a limit
   */
  text(offset: number, ...keys: string[]): string | null {
    this.#values = 0;
    this.#open(offset);
    for (const key of keys) if (this.#type !== mmdbTypes.map || !this.#seek(key)) return null;
    return this.#type === mmdbTypes.text ? this.#text(this.#take(this.#size)) : null;
  }

  /** Moves from inside a map to the value of the key; false when there is none. */
  #seek(key: string): boolean {
    for (let left = this.#size; left > 0; left--) {
      const found = this.#key() === key;
      if (found) {
        this.#open(this.#at);
        return true;
      }
      this.#skip(0);
    }
    return false;
  }

  /** Reads control bytes at the offset, those of the target if it is a pointer. */
  #open(offset: number): void {
    this.#at = offset;
    this.#control();
    if (this.#type !== mmdbTypes.pointer) return;
    this.#at = this.#size;
    this.#control();
    if (this.#type === mmdbTypes.pointer) throw new Error(`the pointer to ${this.#size} is pointed to`);
  }

  #decode(depth: number): MmdbValue {
    this.#count(depth);
    this.#control();
    if (this.#type === mmdbTypes.pointer) {
      const behind = this.#at;
      this.#open(this.#size);
      const value = this.#value(depth);
      this.#at = behind;
      return value;
    }
    return this.#value(depth);
  }

  /** The value whose control bytes have just been read. */
  #value(depth: number): MmdbValue {
    const size = this.#size;
    switch (this.#type) {
      case mmdbTypes.text:
        return this.#text(this.#take(size));
      case mmdbTypes.bytes: {
        const at = this.#take(size);
        return this.#bytes.slice(at, at + size);
      }
      case mmdbTypes.double:
        return this.#view.getFloat64(this.#take(this.#exactly(8)));
      case mmdbTypes.float:
        return this.#view.getFloat32(this.#take(this.#exactly(4)));
      case mmdbTypes.boolean:
        if (size > 1) throw new Error(`a boolean of ${size} before ${this.#at}`);
        return size === 1;
      case mmdbTypes.map: {
        // Without a prototype: a key may be "__proto__".
        const map = Object.create(null) as { [key: string]: MmdbValue };
        for (let left = size; left > 0; left--) map[this.#key()] = this.#decode(depth + 1);
        return map;
      }
      case mmdbTypes.array: {
        const array: MmdbValue[] = [];
        for (let left = size; left > 0; left--) array.push(this.#decode(depth + 1));
        return array;
      }
      default:
        return this.#whole(this.#type, size);
    }
  }

  #whole(type: number, size: number): number | bigint {
    const width = widths[type];
    if (width === undefined) throw new Error(`type ${type} before ${this.#at} is no value`);
    if (size > width) throw new Error(`a number of ${size} octets, at most ${width} fit, before ${this.#at}`);
    const at = this.#take(size);
    let value = 0n;
    for (let i = 0; i < size; i++) value = value << 8n | BigInt(this.#bytes[at + i]!);
    if (width > 4) return value;
    return type === mmdbTypes.int32 ? Number(value) | 0 : Number(value);
  }

  /** Passes over a value; pointers aren't followed. */
  #skip(depth: number): void {
    this.#count(depth);
    this.#control();
    const type = this.#type;
    const size = this.#size;
    if (type === mmdbTypes.pointer || type === mmdbTypes.boolean) return;
    if (type === mmdbTypes.map || type === mmdbTypes.array) {
      for (let left = size; left > 0; left--) {
        if (type === mmdbTypes.map) this.#skip(depth + 1);
        this.#skip(depth + 1);
      }
    } else this.#take(size);
  }

  /** A map's key at the cursor; behind it afterwards. */
  #key(): string {
    const begin = this.#at;
    this.#control();
    let behind = this.#at;
    const isPointer = this.#type === mmdbTypes.pointer;
    if (isPointer) this.#open(this.#size);
    if (this.#type !== mmdbTypes.text) throw new Error(`a key at ${begin} that is no text`);
    const key = this.#text(this.#take(this.#size));
    if (!isPointer) behind = this.#at;
    this.#at = behind;
    return key;
  }

  /** Reads control bytes at the cursor. */
  #control(): void {
    const control = this.#bytes[this.#take(1)]!;
    const small = control & 31;
    this.#type = control >>> 5;
    if (this.#type === mmdbTypes.pointer) {
      const octets = small >>> 3;
      // The three low bits are the target's highest, but in the longest form.
      const value = octets === 3 ? this.#number(4) : (small & 7) * 256 ** (octets + 1) + this.#number(octets + 1);
      this.#size = value + pointerBases[octets]!;
      return;
    }
    if (this.#type === 0) this.#type = 7 + this.#bytes[this.#take(1)]!;
    this.#size = small < 29 ? small : sizeBases[small - 29]! + this.#number(small - 28);
  }

  #number(octets: number): number {
    const at = this.#take(octets);
    let value = 0;
    for (let i = 0; i < octets; i++) value = value * 256 + this.#bytes[at + i]!;
    return value;
  }

  /** Where the next `size` octets begin; the cursor is behind them then. */
  #take(size: number): number {
    const at = this.#at;
    if (!(at >= 0 && at + size <= this.#bytes.length)) {
      throw new Error(`${size} octets at ${at} run over the end of the section at ${this.#bytes.length}`);
    }
    this.#at = at + size;
    return at;
  }

  #text(at: number): string {
    return decoder.decode(this.#bytes.subarray(at, this.#at));
  }

  #exactly(size: number): number {
    if (this.#size !== size) throw new Error(`a floating point number of ${this.#size} octets before ${this.#at}`);
    return size;
  }

  #count(depth: number): void {
    if (depth > maxDepth) {
      throw new Error(`values nested deeper than ${maxDepth} at ${this.#at}: pointers in a circle?`);
    }
    if (++this.#values > maxValues) throw new Error(`a record with more than ${maxValues} values`);
  }
}

const pointerBases = [0, 2048, 526_336, 0];
const sizeBases = [29, 285, 65_821];
// Texts that aren't UTF-8 break the format.
const decoder = new TextDecoder("utf-8", { fatal: true });
