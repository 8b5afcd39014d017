/**
 * Header blocks into field lists (RFC 7541 §3, §6).
 *
 * A block's work is bound by its octets, not by what it stands for: an indexed
 * field costs the same whether its entry has ten octets or four thousand, and a
 * list above the limit is followed for the table's sake but not kept. One that
 * is far above it isn't even followed.
 * @module
 */
import { HpackError } from "../errors.ts";
import { LimitPassed } from "../fault.ts";
import { DynamicTable } from "./dynamic_table.ts";
import { huffmanDecode, maxDecodedBytes } from "./huffman.ts";
import { latin1 } from "./latin1.ts";
import { entryOverheadBytes, staticFields, staticLength } from "./static_table.ts";

/** name, value, name, value …; one character for each octet (Latin-1). */
export type FieldList = string[];

/** What a header block says. */
export interface DecodedBlock {
  /** Empty when `tooLarge`. */
  readonly fields: FieldList;
  /** The list weighs more than the limit; the connection may go on. */
  readonly tooLarge: boolean;
  /** Names that came as never indexed; who passes them on must encode them so again (RFC 7541 §6.2.3). */
  readonly neverIndexed: ReadonlySet<string> | null;
}

/** RFC 7541 §4.2 and RFC 9113 §6.5.2: what holds until SETTINGS say otherwise. */
export const defaultTableBytes = 4096;

/** Octets after the prefix of an integer: five carry 35 bits, more than any number here. */
const maxIntegerOctets = 5;
const maxInteger = 2 ** 31 - 1;
const integerError = `integer above ${maxInteger} or of more than ${maxIntegerOctets} octets after its prefix`;
/**
 * A list that weighs so many times what is taken is no accident. A block's literals weigh about what they measure, so
 * such a list is made of references.
 */
const bombTimes = 16;
/** RFC 7541 §4.2: the smallest size between two blocks, and the last. */
const maxSizeUpdates = 2;

/** Huffman strings of all connections are decoded into this; each becomes text before the next. */
let scratch = new Uint8Array(4096);

/** The decoding side of one connection. */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #maxTableBytes: number;
  readonly #maxListBytes: number;
  readonly #bombBytes: number;
  #block: Uint8Array = scratch;
  #at = 0;
  #end = 0;

  /**
   * @param options.maxTableBytes what SETTINGS_HEADER_TABLE_SIZE announced; the table starts with it or with 4096,
   *   whichever is less. Below 4096 only where the peer is known to hold to it from its first block on
   * @param options.maxListBytes names, values and 32 for each field (RFC 9113 §6.5.2)
   */
  constructor({ maxTableBytes = defaultTableBytes, maxListBytes }: { maxTableBytes?: number; maxListBytes: number }) {
    this.#table = new DynamicTable(Math.min(maxTableBytes, defaultTableBytes));
    this.#maxTableBytes = maxTableBytes;
    this.#maxListBytes = maxListBytes;
    this.#bombBytes = bombTimes * maxListBytes;
  }

  /** The dynamic table as it stands, newest first, for tests and diagnosis. */
  get table(): DynamicTable {
    return this.#table;
  }

  /**
   * Decodes one whole header block.
   * @throws HpackError for anything malformed, LimitPassed for a list that only an attacker sends; the decoder is of
   *   no more use then
   */
  decode(block: Uint8Array): DecodedBlock {
    const table = this.#table;
    this.#block = block;
    this.#end = block.length;
    this.#at = 0;
    this.#sizeUpdates();
    let fields: FieldList = [];
    let listBytes = 0;
    let neverIndexed: Set<string> | null = null;
    while (this.#at < this.#end) {
      const first = block[this.#at]!;
      let name: string | null;
      let value: string | null;
      if (first >= 0x80) {
        // §6.1 indexed field; an index below 127, as nearly all are, is the octet itself.
        let index = first & 0x7f;
        if (index < 0x7f) this.#at++;
        else index = this.#integer(0x7f);
        if (index > staticLength) {
          index = this.#dynamicIndex(index);
          name = table.name(index);
          value = table.value(index);
        } else {
          if (index === 0) throw new HpackError("index 0");
          name = staticFields[2 * index - 2]!;
          value = staticFields[2 * index - 1]!;
        }
        listBytes += name.length + value.length + entryOverheadBytes;
      } else {
        // §6.2 literal field, with indexing (01), never indexed (0001) or without indexing (0000).
        const indexing = first >= 0x40;
        if (!indexing && first >= 0x20) throw new HpackError("table size update after the first field");
        const index = this.#integer(indexing ? 0x3f : 0x0f);
        name = index === 0 ? this.#string() : this.#name(index);
        const nameBytes = this.#bytes(name);
        value = this.#string();
        listBytes += nameBytes + this.#bytes(value) + entryOverheadBytes;
        if (indexing) {
          // A string that isn't kept is heavier than the table: it empties it (§4.4).
          if (name === null || value === null) table.clear();
          else table.add(name, value);
        } else if (first >= 0x10 && name !== null) {
          (neverIndexed ??= new Set()).add(name);
        }
      }
      if (listBytes <= this.#maxListBytes) fields.push(name!, value!);
      else if (fields.length > 0) fields = [];
      if (listBytes > this.#bombBytes) {
        throw new LimitPassed("hpack_bomb", `a field list weighs more than ${bombTimes} times what is taken`);
      }
    }
    this.#block = scratch;
    const tooLarge = listBytes > this.#maxListBytes;
    return { fields, tooLarge, neverIndexed };
  }

  /** §4.2: only at the beginning of a block, up to what was announced. */
  #sizeUpdates(): void {
    for (let updates = 0; this.#at < this.#end && (this.#block[this.#at]! & 0xe0) === 0x20; updates++) {
      if (updates === maxSizeUpdates) throw new HpackError(`more than ${maxSizeUpdates} table size updates`);
      const bytes = this.#integer(0x1f);
      if (bytes > this.#maxTableBytes) {
        throw new HpackError(`table size update to ${bytes}, above the ${this.#maxTableBytes} announced`);
      }
      this.#table.resize(bytes);
    }
  }

  #name(index: number): string {
    return index <= staticLength ? staticFields[2 * index - 2]! : this.#table.name(this.#dynamicIndex(index));
  }

  /** §2.3.3: an index past both tables is a decoding error. */
  #dynamicIndex(index: number): number {
    if (index > staticLength + this.#table.length) {
      throw new HpackError(`index ${index} past the ${staticLength + this.#table.length} entries`);
    }
    return index - staticLength;
  }

  /** §5.1, from the octet with the prefix on. `mask` has the prefix's bits set. */
  #integer(mask: number): number {
    let value = this.#block[this.#at++]! & mask;
    if (value < mask) return value;
    let factor = 1;
    for (let octets = 0; octets < maxIntegerOctets; octets++) {
      if (this.#at >= this.#end) throw new HpackError("the block ends inside an integer");
      const octet = this.#block[this.#at++]!;
      value += (octet & 0x7f) * factor;
      if (octet < 0x80) {
        if (value > maxInteger) break;
        return value;
      }
      factor *= 128;
    }
    throw new HpackError(integerError);
  }

  /** Octets of a string that isn't kept; set with each null of `#string`. */
  #droppedBytes = 0;

  #bytes(text: string | null): number {
    return text === null ? this.#droppedBytes : text.length;
  }

  /**
   * §5.2, one string literal.
   * @returns null for one that is checked but not kept, being too long for the list and for the table
   */
  #string(): string | null {
    if (this.#at >= this.#end) throw new HpackError("the block ends before a string");
    const coded = this.#block[this.#at]! >= 0x80;
    const length = this.#integer(0x7f);
    const from = this.#at;
    const to = from + length;
    if (to > this.#end) throw new HpackError(`string of ${length} octets, ${this.#end - from} are left`);
    this.#at = to;
    if (length === 0) return "";
    let source: Uint8Array = this.#block;
    let start = from;
    let end = to;
    if (coded) {
      if (maxDecodedBytes(length) >= scratch.length) {
        scratch = new Uint8Array(2 * maxDecodedBytes(length));
      }
      end = huffmanDecode(this.#block, from, to, scratch);
      source = scratch;
      start = 0;
    }
    const bytes = end - start;
    if (bytes > this.#maxListBytes && bytes > this.#table.maxBytes) {
      this.#droppedBytes = bytes;
      return null;
    }
    return latin1(source, start, end);
  }
}
