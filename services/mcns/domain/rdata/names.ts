/** Names in data, and the types that hold nothing else: NS, CNAME, DNAME, PTR, ALIAS, RP, SOA. */
import { ipv4Number, parseIpv6 } from "../ip_address.ts";
import { maxLabelOctets, maxNameOctets, plainKey, readKey, rootKey, textOfKey } from "../name_text.ts";
import type { Octets } from "../octets.ts";
import type { DataType, Field } from "./field.ts";
import { duration, number } from "./numbers.ts";
import { types } from "./record_type.ts";
import type { TokenReader } from "./tokens.ts";

export interface NameRules {
  /** Takes `.`. */
  readonly root?: boolean;
  /** Takes any name, wildcards, single labels and odd characters too: what the program itself or another server makes. */
  readonly any?: boolean;
  /** A mail address as a name: odd characters are usual in its first label. */
  readonly mailbox?: boolean;
  /** Capitals are kept when only the form is checked: canonical data has them (RFC 4034 §6.2, RFC 6840 §5.1). */
  readonly keepCase?: boolean;
}

/** A name; for those who write records it is a host's, written in full. */
export function name(what: string, rules: NameRules = {}): Field {
  return {
    name: what,
    layout: "n",
    parse(tokens) {
      const { text } = tokens.next(what);
      const { origin } = tokens.options;
      const isFree = rules.any === true || !tokens.isStrict;
      if (!isFree) checkNoAddress(tokens, what, text);
      if (!isFree && rules.mailbox === true && /[^\\]@/.test(text)) {
        throw tokens.wrong(what, 'is written as a name, with a dot in place of the "@"', text);
      }
      const key = plainKey(text, origin) ??
        readKey(text, (message) => tokens.fail(`in ${tokens.subject}'s ${what}, ${message}`), {
          origin,
          anyCharacters: isFree || rules.mailbox === true,
          keepCase: !tokens.isStrict && rules.keepCase === true,
        });
      if (!isFree) checkWritten(tokens, what, rules, text, key);
      return key;
    },
    end(data, at) {
      const end = nameEnd(data, at);
      return end < 0 ? `its ${what} is no name` : end;
    },
    format: (data, at, end, { finalDot }) => nameText(data.slice(at, end), finalDot),
  };
}

/** What a name must be beyond well formed. */
function checkWritten(tokens: TokenReader, what: string, rules: NameRules, text: string, key: Octets): void {
  if (key === rootKey) {
    if (rules.root !== true) throw tokens.wrong(what, 'can\'t be the root "."', text);
    return;
  }
  // In a zone file this would be relative to the zone; here it would point at a top-level domain.
  if (tokens.options.origin === undefined && isSingleLabel(key) && !text.endsWith(".")) {
    throw tokens.wrong(what, "is written in full, like www.example.org", text);
  }
  if (key.startsWith("\x01*")) throw tokens.wrong(what, "can't be a wildcard", text);
}

/** 192.0.2.1 has the form of a name, but no top-level domain is a number (RFC 3696 §2). */
function checkNoAddress(tokens: TokenReader, what: string, text: string): void {
  const bare = text.endsWith(".") ? text.slice(0, -1) : text;
  const last = bare.charCodeAt(bare.length - 1);
  const isAddress = (last >= 0x30 && last <= 0x39 && ipv4Number(bare) >= 0) ||
    (text.includes(":") && parseIpv6(text) !== null);
  if (isAddress) throw tokens.wrong(what, "is a name; an address stands in an A or AAAA record of that name", text);
}

/** A name of one label, such as a top-level domain. */
const isSingleLabel = (key: Octets): boolean => key.charCodeAt(0) + 2 === key.length;

/** Where the uncompressed name at `at` ends, its zero octet included; -1 when it is none. */
export function nameEnd(data: Octets, start: number): number {
  for (let at = start;;) {
    const length = data.charCodeAt(at); // NaN beyond the end
    if (length === 0) return at + 1 - start <= maxNameOctets ? at + 1 : -1;
    if (!(length <= maxLabelOctets)) return -1;
    at += length + 1;
  }
}

/** A name's text; one that would read as relative, a single label, has its dot in any style. */
export function nameText(key: Octets, finalDot: boolean): string {
  const text = textOfKey(key);
  return key !== rootKey && (finalDot || isSingleLabel(key)) ? text + "." : text;
}

/**
 * The usual host's name, in full and in lower case, in one pass. Null for anything else: what ends with a digit may be an
 * address, what ends with a dot may be a single label.
 */
export function quickHost(text: string): Octets | null {
  const last = text.charCodeAt(text.length - 1);
  if (!(last >= 0x61 && last <= 0x7a)) return null;
  const key = plainKey(text);
  return key === null || isSingleLabel(key) ? null : key;
}

function pointer(what: string): DataType {
  const target = name(what);
  return { fields: [target], example: "www.example.org", quick: quickHost, target };
}

/** The times of an SOA record are also read as `1h30m`, as zone files have them. */
const soa: DataType = {
  fields: [
    name("primary name server", { root: true }),
    name("mailbox", { root: true, mailbox: true }),
    number("serial", 4),
    duration("refresh time"),
    duration("retry time"),
    duration("expiry time"),
    duration("minimum"),
  ],
  example: "ns1.example.org hostmaster.example.org 2026010100 3600 600 604800 300",
};

export const nameTypes: readonly [number, DataType][] = [
  [types.NS, { ...pointer("name server"), example: "ns1.example.org" }],
  [types.CNAME, pointer("target")],
  [types.DNAME, { ...pointer("target"), example: "example.net" }],
  [types.PTR, pointer("host")],
  [types.ALIAS, { ...pointer("target"), example: "lb.example.net" }],
  [types.RP, {
    fields: [name("mailbox", { root: true, mailbox: true }), name("text's name", { root: true })],
    example: "admin.example.org info.example.org",
  }],
  [types.SOA, soa],
];
