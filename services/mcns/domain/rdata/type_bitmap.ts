/** Sets of types (RFC 4034 §4.1.2): windows of 256 types, each with its number, length and up to 32 octets of bits. */
import type { Octets } from "../octets.ts";
import type { Field } from "./field.ts";
import { knownTypeCode, typeText } from "./record_type.ts";

/** The set as octets. */
export function typeBitmap(types: Iterable<number>): Octets {
  const sorted = [...new Set(types)].sort((a, b) => a - b);
  let octets = "";
  for (let i = 0; i < sorted.length;) {
    const window = sorted[i]! >> 8;
    const map: number[] = [];
    for (; i < sorted.length && sorted[i]! >> 8 === window; i++) {
      const low = sorted[i]! & 0xff;
      while (map.length <= low >> 3) map.push(0);
      map[low >> 3]! |= 0x80 >> (low & 7);
    }
    octets += String.fromCharCode(window, map.length, ...map);
  }
  return octets;
}

/** The types of the set that stands from `at` (default 0) to `end` (default: all), which is well formed, ascending. */
export function typesOfBitmap(data: Octets, at = 0, end = data.length): number[] {
  const types: number[] = [];
  while (at < end) {
    const window = data.charCodeAt(at), next = at + 2 + data.charCodeAt(at + 1);
    for (let i = at + 2; i < next; i++) {
      for (let bit = 0; bit < 8; bit++) {
        if (data.charCodeAt(i) & 0x80 >> bit) types.push(window << 8 | (i - at - 2) << 3 | bit);
      }
    }
    at = next;
  }
  return types;
}

/** All that is left: types in any order. */
export const typeSet: Field = {
  name: "types",
  parse(tokens) {
    const types: number[] = [];
    while (tokens.left > 0) {
      const text = tokens.word("types");
      const type = knownTypeCode(text);
      if (type === null) throw tokens.wrong("types", "are names like A, or TYPE and a number", text);
      types.push(type);
    }
    return typeBitmap(types);
  },
  end(data, at) {
    for (let before = -1; at < data.length;) {
      const window = data.charCodeAt(at), octets = data.charCodeAt(at + 1); // NaN beyond the end
      const end = at + 2 + octets;
      const isFine = window > before && octets >= 1 && octets <= 32 && end <= data.length;
      // One spelling per set: no octets without bits at the end of a window.
      if (!isFine || data.charCodeAt(end - 1) === 0) return "its set of types is malformed";
      before = window;
      at = end;
    }
    return at;
  },
  format: (data, at, end) => typesOfBitmap(data, at, end).map(typeText).join(" "),
};
