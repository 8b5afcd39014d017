/**
 * The Huffman code of RFC 7541 Appendix B.
 *
 * The code is canonical: symbols ordered by code length, then by value, have
 * consecutive codes. So the lengths say all; codes and the decoder's automaton
 * are computed from them at first use.
 *
 * The decoder takes eight bits at a step. Its state is the inner node of the code
 * tree where the bits so far have led (256 of them); a step gives the next state
 * and the symbols passed on the way, two at most since the shortest code has five
 * bits. A step that meets EOS goes to a state that is never left.
 * @module
 */
import { HpackError } from "../errors.ts";

const endOfString = 256;

/** Bits of each symbol's code, 0–255 and EOS. */
// deno-fmt-ignore -- sixteen to a row, as octets are thought of
const codeBits: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

/** Octets that `bytes` coded octets decode to at most: the shortest code has five bits. */
export function maxDecodedBytes(bytes: number): number {
  return Math.floor((bytes * 8) / 5);
}

/** Codes and their bits by octet. */
interface Code {
  readonly codes: Uint32Array;
  readonly bits: Uint8Array;
}

let code: Code | null = null;

function codeTable(): Code {
  const codes = new Uint32Array(257);
  const bits = Uint8Array.from(codeBits);
  const order = codeBits.map((_, symbol) => symbol).sort((a, b) => codeBits[a]! - codeBits[b]! || a - b);
  let next = 0;
  let length = 0;
  for (const symbol of order) {
    next *= 2 ** (bits[symbol]! - length);
    length = bits[symbol]!;
    codes[symbol] = next++;
  }
  return { codes, bits };
}

/**
 * Bits of a step: next state 0–8, first symbol 9–16, second symbol 17–24, number of symbols 25–26.
 * State 0 is the root; the last one is that of a failed string and leads to itself.
 */
interface Automaton {
  readonly steps: Uint32Array;
  /** States in which a string may end: the root, or one to seven bits of padding, all ones (RFC 7541 §5.2). */
  readonly accepting: Uint8Array;
}

let automaton: Automaton | null = null;

/** A child is an inner node (≥ 0) or a symbol, kept as −1 − symbol. */
function buildTree(): Int16Array {
  const { codes, bits } = code ??= codeTable();
  // 257 leaves make 256 inner nodes; node n has its children at 2n and 2n + 1.
  const children = new Int16Array(2 * 256);
  let nodes = 1;
  for (let symbol = 0; symbol <= endOfString; symbol++) {
    let node = 0;
    for (let bit = bits[symbol]! - 1; bit > 0; bit--) {
      const slot = 2 * node + ((codes[symbol]! >>> bit) & 1);
      if (children[slot] === 0) children[slot] = nodes++;
      node = children[slot]!;
    }
    children[2 * node + (codes[symbol]! & 1)] = -1 - symbol;
  }
  return children;
}

function buildAutomaton(): Automaton {
  const children = buildTree();
  const failed = 256;
  const steps = new Uint32Array(257 * 256).fill(failed);
  for (let state = 0; state < failed; state++) {
    for (let octet = 0; octet < 256; octet++) {
      let node = state;
      let symbols = 0;
      let count = 0;
      for (let bit = 7; bit >= 0 && node !== failed; bit--) {
        node = children[2 * node + ((octet >> bit) & 1)]!;
        if (node >= 0) continue;
        const symbol = -1 - node;
        // RFC 7541 §5.2: EOS inside a string is a decoding error.
        node = symbol === endOfString ? failed : 0;
        symbols |= (symbol & 0xff) << (9 + 8 * count++);
      }
      if (node !== failed) steps[state * 256 + octet] = node | symbols | (count << 25);
    }
  }
  const accepting = new Uint8Array(257);
  for (let node = 0, depth = 0; depth <= 7; depth++, node = children[2 * node + 1]!) accepting[node] = 1;
  return { steps, accepting };
}

/**
 * Decodes `source[from, to)` into `target`, which must have room for `maxDecodedBytes(to - from)` and one more.
 * Work is one table look-up for each octet.
 * @returns octets written
 * @throws HpackError for EOS in the string, padding longer than 7 bits or not of ones
 */
export function huffmanDecode(source: Uint8Array, from: number, to: number, target: Uint8Array): number {
  const { steps, accepting } = automaton ??= buildAutomaton();
  let state = 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const step = steps[(state << 8) | source[at]!]!;
    state = step & 0x1ff;
    // Both are stored whatever the count: what is too much is overwritten by the next step.
    target[length] = (step >>> 9) & 0xff;
    target[length + 1] = (step >>> 17) & 0xff;
    length += step >>> 25;
  }
  if (accepting[state] !== 1) {
    throw new HpackError(state === 256 ? "Huffman string with EOS inside" : "Huffman string with malformed padding");
  }
  return length;
}

/**
 * Octets that the text takes when coded.
 * @throws RangeError for a character that isn't one octet (Latin-1): cut to eight bits it could become a line feed
 */
export function huffmanLength(text: string): number {
  const { bits } = code ??= codeTable();
  let sum = 0;
  let seen = 0;
  for (let at = 0; at < text.length; at++) {
    const octet = text.charCodeAt(at);
    seen |= octet;
    sum += bits[octet & 0xff]!;
  }
  if (seen > 0xff) throw new RangeError("Cannot encode a field: it has a character above U+00FF");
  return (sum + 7) >>> 3;
}

/**
 * Encodes Latin-1 text at `target[at]`, where `huffmanLength(text)` octets are free.
 * @returns the index after it
 */
export function huffmanEncode(text: string, target: Uint8Array, at: number): number {
  const { codes, bits } = code ??= codeTable();
  let held = 0;
  // Bits in `held` that aren't written: under 8 before a symbol, so 24 more always fit into 32.
  let waiting = 0;
  for (let index = 0; index < text.length; index++) {
    const octet = text.charCodeAt(index);
    let symbol = codes[octet]!;
    let length = bits[octet]!;
    if (length > 24) {
      held = (held << (length - 16)) | (symbol >>> 16);
      waiting += length - 16;
      while (waiting >= 8) target[at++] = held >>> (waiting -= 8);
      symbol &= 0xffff;
      length = 16;
    }
    held = (held << length) | symbol;
    waiting += length;
    while (waiting >= 8) target[at++] = held >>> (waiting -= 8);
  }
  // RFC 7541 §5.2: padded with the most significant bits of EOS, which are ones.
  if (waiting > 0) target[at++] = (held << (8 - waiting)) | (0xff >>> waiting);
  return at;
}
