/**
 * Field lists into header blocks (RFC 7541 §6).
 *
 * What becomes an entry of the table: every field that isn't sensitive, isn't of a
 * name whose values rarely come again, and isn't heavier than half the table.
 * A list that was sent before then costs one look-up for each field.
 * @module
 */
import { defaultTableBytes, type FieldList } from "./decoder.ts";
import { huffmanEncode, huffmanLength } from "./huffman.ts";
import { ownText, writeLatin1 } from "./latin1.ts";
import { entryOverheadBytes, staticFields, staticLength } from "./static_table.ts";

/** A cookie shorter than this many octets has few enough values to be guessed one by one; 20 is what nghttp2 takes. */
const shortCookieBytes = 20;

/** Values of these are of one message or one resource: an entry for each would only push better ones out. */
const rarelyRepeated: ReadonlySet<string> = new Set([
  ":path",
  "age",
  "content-length",
  "content-range",
  "etag",
  "if-modified-since",
  "if-none-match",
  "last-modified",
  "location",
  "range",
  "set-cookie",
  "traceparent",
  "x-request-id",
]);

const literal = 0x00;
const neverIndexedLiteral = 0x10;
const indexedLiteral = 0x40;

/** A name that either table has. */
interface KnownName {
  readonly name: string;
  /** 0 when only the dynamic table has it. */
  readonly staticIndex: number;
  /** By value: a dynamic entry's number, counted from 1 with each insertion, or a static entry's index, negative. */
  readonly entries: Map<string, number>;
  /** Number of the newest dynamic entry with this name. */
  newest: number;
}

interface Entry {
  readonly known: KnownName;
  readonly value: string;
}

/** Where an encoder differs from the usual one. */
export interface HpackEncoderOptions {
  /** Code strings that become no longer by it (default true). Off saves time where octets cost nothing. */
  huffman?: boolean;
  /** Names that get no entry, in place of those whose values rarely come again. */
  unindexed?: ReadonlySet<string>;
}

/** The encoding side of one connection. */
export class HpackEncoder {
  readonly #ownMaxBytes: number;
  readonly #huffman: boolean;
  readonly #unindexed: ReadonlySet<string>;
  readonly #names = new Map<string, KnownName>();
  /** Entries by number; those up to `#dropped` are gone. A ring of a power of two slots. */
  #ring: (Entry | null)[] = new Array(16).fill(null);
  #inserted = 0;
  #dropped = 0;
  #bytes = 0;
  #maxBytes = defaultTableBytes;
  /** Smallest size since the last block, which that block's successor must tell (RFC 7541 §4.2); −1 when unchanged. */
  #smallest = -1;
  #out: Uint8Array = new Uint8Array(512);
  #at = 0;

  /** @param maxTableBytes our own limit, whatever more the peer allows (default 4096) */
  constructor(maxTableBytes: number = defaultTableBytes, { huffman = true, unindexed }: HpackEncoderOptions = {}) {
    this.#ownMaxBytes = maxTableBytes;
    this.#huffman = huffman;
    this.#unindexed = unindexed ?? rarelyRepeated;
    this.setMaxTableBytes(defaultTableBytes);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. A change of the table's size is told in the next block. */
  setMaxTableBytes(bytes: number): void {
    const maxBytes = Math.min(bytes, this.#ownMaxBytes);
    if (maxBytes === this.#maxBytes) return;
    this.#smallest = this.#smallest < 0 ? maxBytes : Math.min(this.#smallest, maxBytes);
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  /**
   * Encodes one whole list. Order is kept; names must be lower case.
   * @param neverIndex names whose values no table on the way may keep, besides credentials and short cookies
   * @returns a view that is valid until the next call
   * @throws RangeError for a character above U+00FF, which would be another one as an octet; the encoder may be used on
   */
  encode(fields: FieldList, neverIndex?: ReadonlySet<string>): Uint8Array {
    this.#at = 0;
    try {
      this.#sizeUpdates();
      this.#fields(fields, neverIndex);
    } catch (error) {
      // The peer never sees this block: both tables are emptied, ours now and the peer's by the next one.
      this.#evict(0);
      this.#smallest = 0;
      throw error;
    }
    return this.#out.subarray(0, this.#at);
  }

  #fields(fields: FieldList, neverIndex: ReadonlySet<string> | undefined): void {
    const chosen = neverIndex === undefined || neverIndex.size === 0 ? null : neverIndex;
    for (let index = 0; index < fields.length; index += 2) {
      const name = fields[index]!;
      const value = fields[index + 1]!;
      const known = this.#known(name);
      if (chosen !== null && chosen.has(name) || isSensitive(name, value)) {
        this.#literal(neverIndexedLiteral, 0x0f, known, name, value);
        continue;
      }
      const entry = known?.entries.get(value);
      if (entry !== undefined) {
        if (this.#at + 8 > this.#out.length) this.#grow(8);
        this.#integer(0x80, 0x7f, entry < 0 ? -entry : this.#index(entry));
        continue;
      }
      const bytes = name.length + value.length + entryOverheadBytes;
      if (2 * bytes > this.#maxBytes || this.#unindexed.has(name)) {
        this.#literal(literal, 0x0f, known, name, value);
      } else {
        this.#literal(indexedLiteral, 0x3f, known, name, value);
        this.#insert(known, name, value, bytes);
      }
    }
  }

  #sizeUpdates(): void {
    if (this.#smallest < 0) return;
    // RFC 7541 §4.2: the smallest size in between is told too, since entries were dropped for it.
    if (this.#smallest < this.#maxBytes) this.#integer(0x20, 0x1f, this.#smallest);
    this.#integer(0x20, 0x1f, this.#maxBytes);
    this.#smallest = -1;
  }

  #known(name: string): KnownName | undefined {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const first = (staticIndexes ??= readStaticIndexes()).get(name);
    if (first === undefined) return undefined;
    const entries = new Map<string, number>();
    for (let index = first; index <= staticLength && staticFields[2 * index - 2] === name; index++) {
      entries.set(staticFields[2 * index - 1]!, -index);
    }
    const added = { name, staticIndex: first, entries, newest: 0 };
    this.#names.set(name, added);
    return added;
  }

  /** RFC 7541 §2.3.3: the newest dynamic entry follows the static ones. */
  #index(entry: number): number {
    return staticLength + 1 + this.#inserted - entry;
  }

  #literal(form: number, mask: number, known: KnownName | undefined, name: string, value: string): void {
    // Two lengths and an index, five octets each at most.
    const room = name.length + value.length + 16;
    if (this.#at + room > this.#out.length) this.#grow(room);
    if (known === undefined) {
      this.#out[this.#at++] = form;
      this.#string(name);
    } else {
      this.#integer(form, mask, known.staticIndex > 0 ? known.staticIndex : this.#index(known.newest));
    }
    this.#string(value);
  }

  #string(text: string): void {
    const coded = huffmanLength(text);
    // Equal lengths are coded, as in the examples of RFC 7541 Appendix C.6.
    if (this.#huffman && coded <= text.length && coded > 0) {
      this.#integer(0x80, 0x7f, coded);
      this.#at = huffmanEncode(text, this.#out, this.#at);
      return;
    }
    this.#integer(0, 0x7f, text.length);
    this.#at = writeLatin1(text, this.#out, this.#at);
  }

  /** RFC 7541 §5.1; `form` is what stands before the prefix. */
  #integer(form: number, mask: number, value: number): void {
    const out = this.#out;
    if (value < mask) {
      out[this.#at++] = form | value;
      return;
    }
    out[this.#at++] = form | mask;
    let rest = value - mask;
    for (; rest >= 0x80; rest >>>= 7) out[this.#at++] = (rest & 0x7f) | 0x80;
    out[this.#at++] = rest;
  }

  #insert(found: KnownName | undefined, name: string, value: string, bytes: number): void {
    this.#evict(this.#maxBytes - bytes);
    // The entry that gave the name may just have been evicted, and the name with it.
    let known = found === undefined ? undefined : this.#names.get(name);
    if (known === undefined) {
      known = { name: ownText(name), staticIndex: 0, entries: new Map(), newest: 0 };
      this.#names.set(known.name, known);
    }
    if (this.#inserted - this.#dropped === this.#ring.length) this.#growRing();
    const entry = { known, value: ownText(value) };
    const number = ++this.#inserted;
    this.#ring[number & (this.#ring.length - 1)] = entry;
    known.entries.set(entry.value, number);
    known.newest = number;
    this.#bytes += bytes;
  }

  #evict(maxBytes: number): void {
    while (this.#bytes > maxBytes) {
      const slot = ++this.#dropped & (this.#ring.length - 1);
      const { known, value } = this.#ring[slot]!;
      this.#ring[slot] = null;
      this.#bytes -= known.name.length + value.length + entryOverheadBytes;
      known.entries.delete(value);
      if (known.entries.size === 0) this.#names.delete(known.name);
    }
  }

  #growRing(): void {
    const { length } = this.#ring;
    const ring: (Entry | null)[] = new Array(2 * length).fill(null);
    for (let number = this.#dropped + 1; number <= this.#inserted; number++) {
      ring[number & (2 * length - 1)] = this.#ring[number & (length - 1)]!;
    }
    this.#ring = ring;
  }

  #grow(room: number): void {
    const larger = new Uint8Array(2 * (this.#at + room));
    larger.set(this.#out.subarray(0, this.#at));
    this.#out = larger;
  }
}

let staticIndexes: Map<string, number> | null = null;

/** First static entry of each name; entries of one name stand together. */
function readStaticIndexes(): Map<string, number> {
  const indexes = new Map<string, number>();
  for (let index = staticLength; index >= 1; index--) indexes.set(staticFields[2 * index - 2]!, index);
  return indexes;
}

/**
 * RFC 7541 §7.1.3: what must not be guessed by watching sizes stays out of every table, also those of later hops.
 * The length decides for nearly every name, without a look at its text.
 */
function isSensitive(name: string, value: string): boolean {
  switch (name.length) {
    case 6:
      return value.length < shortCookieBytes && name === "cookie";
    case 13:
      return name === "authorization";
    case 19:
      return name === "proxy-authorization";
    default:
      return false;
  }
}
