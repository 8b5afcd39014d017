/** What record data is made of: a type is a list of fields, each of which reads, checks and writes its part. */
import type { Octets } from "../octets.ts";
import type { TokenReader } from "./tokens.ts";

/** How data is written. */
export interface Style {
  /** Names end with a dot, as in a zone file. */
  readonly finalDot: boolean;
}

export interface Field {
  /** What it is called in messages: "preference". */
  readonly name: string;
  /**
   * What code that knows no types steps over: "n" a name, "s" a character string (length octet first), a number of
   * octets. Undefined: all that is left of the data.
   */
  readonly layout?: "n" | "s" | number;
  /** Takes its tokens and makes octets of them. Throws by the reader's `fail`. */
  parse(tokens: TokenReader): Octets;
  /** Where the field that starts at `at` ends; a text says what is wrong with it: "its preference is cut short". */
  end(data: Octets, at: number): number | string;
  /** Text of the field from `at` to before `end`, which `end()` has found to be well formed. */
  format(data: Octets, at: number, end: number, style: Style): string;
}

export interface DataType {
  readonly fields: readonly Field[];
  /** As callers write it; stands in messages and in the docs. */
  readonly example: string;
  /** The rule for writers that well-formed data breaks, as a sentence; null when it breaks none. */
  readonly rule?: (data: Octets) => string | null;
  /** Reads the usual spelling in one pass; null for every other one, right or wrong. */
  readonly quick?: (text: string) => Octets | null;
  /** The field with the host whose addresses go along in the additional section, or with the alias's target. */
  readonly target?: Field;
}

/** `end()` of a field of that many octets. */
export function fixedEnd(name: string, data: Octets, at: number, octets: number): number | string {
  return at + octets <= data.length ? at + octets : `its ${name} is cut short`;
}
