/**
 * Glob patterns over text that strangers send: `*` stands for any run of characters (an empty one too, and across "/"),
 * `?` for one, all others for themselves. Each match takes time in proportion to the text, whatever pattern and text are.
 *
 * Most patterns are one literal with or without a `*` at either end, and are answered by the runtime's own search. The
 * others first search for their longest literal, which most texts don't have, and then run a bit-parallel automaton
 * (Baeza-Yates and Gonnet's "shift-and"): bit i of the state says that the first i tokens can have matched what was read.
 * A character moves all states on at once; where a `*` stands behind token i, bit i stays. That is one pass over the
 * text, with one step per 32 tokens.
 * @module
 */

/** A compiled pattern. Compares case-sensitively: lower both sides beforehand to ignore case. */
export interface Glob {
  readonly pattern: string;
  matches(text: string): boolean;
}

/** @param pattern ASCII, at most a few hundred characters; what isn't ASCII in a text is matched by wildcards only */
export function compileGlob(pattern: string): Glob {
  const parts = pattern.split("*");
  if (pattern.includes("?") || parts.length > 3) return automaton(pattern);
  const [first = "", second, third] = parts;
  const glob = (matches: (text: string) => boolean): Glob => ({ pattern, matches });
  if (second === undefined) return glob((text) => text === first);
  if (third === undefined) {
    if (second === "") return first === "" ? glob(() => true) : glob((text) => text.startsWith(first));
    if (first === "") return glob((text) => text.endsWith(second));
    const least = first.length + second.length;
    return glob((text) => text.length >= least && text.startsWith(first) && text.endsWith(second));
  }
  return first === "" && third === "" ? glob((text) => text.includes(second)) : automaton(pattern);
}

const asciiCount = 128;

function automaton(pattern: string): Glob {
  const tokens = [...pattern].filter((char) => char !== "*");
  const literal = pattern.split(/[*?]/).reduce((longest, part) => part.length > longest.length ? part : longest);
  const accepting = tokens.length;
  const words = (accepting >>> 5) + 1;
  // Row c: the states that character c leads to; the last row is for every other character.
  const leads = new Uint32Array((asciiCount + 1) * words);
  const stays = new Uint32Array(words);
  const setBit = (bits: Uint32Array, row: number, state: number) => {
    bits[row * words + (state >>> 5)]! |= 1 << (state & 31);
  };
  let state = 0;
  for (const char of pattern) {
    if (char === "*") {
      setBit(stays, 0, state);
      continue;
    }
    state++;
    if (char !== "?") setBit(leads, Math.min(char.codePointAt(0)!, asciiCount), state);
    else for (let row = 0; row <= asciiCount; row++) setBit(leads, row, state);
  }
  const states = new Uint32Array(words);
  return {
    pattern,
    matches(text) {
      if (!text.includes(literal)) return false;
      states.fill(0);
      states[0] = 1;
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        const row = (code < asciiCount ? code : asciiCount) * words;
        let carry = 0;
        let alive = 0;
        for (let w = 0; w < words; w++) {
          const before = states[w]!;
          const now = ((before << 1 | carry) & leads[row + w]!) | (before & stays[w]!);
          carry = before >>> 31;
          states[w] = now;
          alive |= now;
        }
        if (alive === 0) return false;
      }
      return (states[accepting >>> 5]! >>> (accepting & 31) & 1) === 1;
    },
  };
}
