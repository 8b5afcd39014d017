/**
 * Record data: between its text (RFC 1035 §5.1) and its octets, for every type. In memory data is octets, names in it in
 * lower case; the store keeps the one text that `formatData` writes.
 */
import { quote } from "@lib/errors/mod.ts";
import { DomainName } from "../name.ts";
import { lowerCase, type Octets, u32At, u32Octets } from "../octets.ts";
import type { Soa } from "../soa.ts";
import { addressTypes } from "./addresses.ts";
import { dnssecTypes } from "./dnssec.ts";
import type { DataType } from "./field.ts";
import { keyTypes } from "./keys.ts";
import { locationTypes } from "./location.ts";
import { nameEnd, nameTypes } from "./names.ts";
import { recordWithArticle, types } from "./record_type.ts";
import { serviceBindingTypes } from "./service_binding.ts";
import { serviceTypes } from "./services.ts";
import { textTypes } from "./text.ts";
import { failOn, type ReadingOptions, type Token, tokenize, TokenReader } from "./tokens.ts";
import { formatGeneric, isGeneric, parseGeneric } from "./unknown.ts";

/** Octets of one record's data on the wire (RFC 1035 §3.2.1: the length has 16 bits). */
export const maxDataOctets = 0xffff;

/** How each known type is made. */
const dataTypes: ReadonlyMap<number, DataType> = new Map([
  ...addressTypes,
  ...nameTypes,
  ...textTypes,
  ...serviceTypes,
  ...serviceBindingTypes,
  ...keyTypes,
  ...dnssecTypes,
  ...locationTypes,
]);

export interface ParseOptions {
  /** Relative names stand below it, as in a zone file. Without it all names are taken as absolute. */
  readonly origin?: DomainName;
  /** What errors are on. Default "value". */
  readonly field?: string;
  /**
   * Checks the form only: for text that `formatData` wrote, of data that may have come from another server. The rules for
   * those who write records (a digest's length, a target that is no address, …) aren't applied, and capitals of names
   * whose case counts (RFC 6840 §5.1) are kept.
   */
  readonly formOnly?: boolean;
}

/**
 * Reads data of that type from its text, or from `\# 4 0A000001` (RFC 3597 §5; the only form for types not known here).
 * Names become lower case. Throws Invalid on `options.field`.
 */
export function parseData(type: number, text: string, options: ParseOptions = {}): Octets {
  const { field = "value", origin, formOnly } = options;
  if (origin === undefined) {
    const data = dataTypes.get(type)?.quick?.(text) ?? null;
    if (data !== null) return data;
  }
  const fail = failOn(field);
  return parseTokens(type, tokenize(text, fail), { origin: origin?.key, formOnly }, fail);
}

/** As `parseData`, from tokens. Throws what `fail` makes of the message. */
export function parseTokens(
  type: number,
  tokens: readonly Token[],
  options: ReadingOptions,
  fail: (message: string) => Error,
): Octets {
  const dataType = dataTypes.get(type);
  const subject = recordWithArticle(type);
  const reader = new TokenReader(tokens, subject, dataType?.example ?? "\\# 4 0A000001", options, fail);
  if (isGeneric(reader.peek())) {
    const data = parseGeneric(reader);
    const problem = checkData(type, data);
    if (problem !== null) throw fail(`${subject} can't have these octets: ${problem}`);
    if (dataType === undefined || options.formOnly === true) return data;
    // Once more as text, for all the rules that hold for it.
    return parseTokens(type, tokenize(formatData(type, data, { finalDot: true }), fail), options, fail);
  }
  if (dataType === undefined) {
    const got = quote(tokens.map(({ text }) => text).join(" "));
    throw fail(`write ${subject} as its number of octets and hexadecimal, like \\# 4 0A000001, got ${got}`);
  }
  let data = "";
  for (const field of dataType.fields) data += field.parse(reader);
  reader.end();
  if (data.length > maxDataOctets) throw fail(`${subject} has at most ${maxDataOctets} octets, got ${data.length}`);
  const broken = options.formOnly === true ? null : dataType.rule?.(data) ?? null;
  if (broken !== null) throw fail(broken);
  return data;
}

/**
 * Writes data as text: one spelling per data. Of data that `checkData` finds fault with, the form for unknown types.
 * @param options.finalDot names end with a dot, as in a zone file; default false: only the root and single labels do
 */
export function formatData(type: number, data: Octets, options: { finalDot?: boolean } = {}): string {
  const fields = dataTypes.get(type)?.fields;
  if (fields === undefined) return formatGeneric(data);
  const style = { finalDot: options.finalDot ?? false };
  let text = "", at = 0;
  for (const field of fields) {
    const end = field.end(data, at);
    if (typeof end === "string") return formatGeneric(data);
    const part = field.format(data, at, end, style);
    text += text === "" || part === "" ? part : " " + part;
    at = end;
  }
  return at === data.length ? text : formatGeneric(data);
}

/** Whether data off the wire, names in it uncompressed, is well formed: null, or what is wrong with it. Never throws. */
export function checkData(type: number, data: Octets): string | null {
  if (data.length > maxDataOctets) return `it has more than ${maxDataOctets} octets`;
  const fields = dataTypes.get(type)?.fields;
  if (fields === undefined) return null;
  let at = 0;
  for (const field of fields) {
    const end = field.end(data, at);
    if (typeof end === "string") return end;
    at = end;
  }
  const left = data.length - at;
  return left === 0 ? null : left === 1 ? "1 octet is left over" : `${left} octets are left over`;
}

/** A part of data for code that knows no types: a name, a character string, so many octets. */
export type LayoutPart = "n" | "s" | number;

const layouts = new Map(
  [...dataTypes].flatMap(([type, { fields }]): [number, readonly LayoutPart[]][] => {
    const parts = fields.map(({ layout }) => layout);
    const last = parts.lastIndexOf("n");
    return last < 0 ? [] : [[type, parts.slice(0, last + 1) as LayoutPart[]]];
  }),
);

/**
 * Where names stand in data of the type: its parts up to the last name; more octets may follow. Undefined for types
 * without names.
 */
export function namesIn(type: number): readonly LayoutPart[] | undefined {
  return layouts.get(type);
}

const compressible = new Set<number>([types.NS, types.CNAME, types.SOA, types.PTR, types.MX]);

/** Whether names in the data may be written compressed: of the types of RFC 1035 only (RFC 3597 §4). */
export function isCompressible(type: number): boolean {
  return compressible.has(type);
}

/** Names in these keep their case in the canonical form: they aren't listed in RFC 4034 §6.2 (RFC 6840 §5.1). */
const caseCounts = new Set<number>([types.NSEC, types.SVCB, types.HTTPS]);

/**
 * The canonical form (RFC 4034 §6.2) of well-formed data: its names in lower case, where the type is one whose names are
 * folded. What signatures are made of, and what data off the wire should be kept as.
 */
export function canonicalData(type: number, data: Octets): Octets {
  const layout = layouts.get(type);
  if (layout === undefined || caseCounts.has(type)) return data;
  let canonical = "", at = 0;
  for (const part of layout) {
    const end = partEnd(part, data, at);
    canonical += part === "n" ? lowerCase(data.slice(at, end)) : data.slice(at, end);
    at = end;
  }
  return canonical + data.slice(at);
}

function partEnd(part: LayoutPart, data: Octets, at: number): number {
  return part === "n" ? nameEnd(data, at) : part === "s" ? at + 1 + data.charCodeAt(at) : at + part;
}

/**
 * The key of the name that well-formed data points to: the host of NS, MX, SRV, AFSDB, KX, NAPTR, SVCB, HTTPS, PTR, the
 * target of CNAME, DNAME, ALIAS. Null for other types, and for `.`, which stands for none.
 */
export function targetOf(type: number, data: Octets): Octets | null {
  const dataType = dataTypes.get(type);
  if (dataType?.target === undefined) return null;
  let at = 0;
  for (const field of dataType.fields) {
    const end = field.end(data, at) as number;
    if (field === dataType.target) return end - at === 1 ? null : lowerCase(data.slice(at, end));
    at = end;
  }
  return null;
}

/** A value of the type as callers write it; for messages and docs. Undefined for types not known here. */
export function exampleOf(type: number): string | undefined {
  return dataTypes.get(type)?.example;
}

/** An SOA record's data (RFC 1035 §3.3.13). */
export function soaData(soa: Soa): Octets {
  return soa.primaryNs.key + soa.mailbox.key + u32Octets(soa.serial) + u32Octets(soa.refresh) + u32Octets(soa.retry) +
    u32Octets(soa.expire) + u32Octets(soa.minimum);
}

/** The content of an SOA record's well-formed data. */
export function readSoa(data: Octets): Soa {
  const mailboxAt = nameEnd(data, 0);
  const at = nameEnd(data, mailboxAt);
  return {
    primaryNs: DomainName.fromKey(lowerCase(data.slice(0, mailboxAt))),
    mailbox: DomainName.fromKey(lowerCase(data.slice(mailboxAt, at))),
    serial: u32At(data, at),
    refresh: u32At(data, at + 4),
    retry: u32At(data, at + 8),
    expire: u32At(data, at + 12),
    minimum: u32At(data, at + 16),
  };
}
