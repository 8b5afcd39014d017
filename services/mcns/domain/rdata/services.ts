/** Where services are: MX (RFC 1035 §3.3.9, 7505), SRV (RFC 2782), AFSDB, KX, NAPTR (RFC 3403), URI (RFC 7553). */
import { quote } from "@lib/errors/mod.ts";
import { rootKey } from "../name_text.ts";
import { type Octets, u16At, u16Octets } from "../octets.ts";
import type { DataType } from "./field.ts";
import { name, quickHost } from "./names.ts";
import { number, readNumber } from "./numbers.ts";
import { types } from "./record_type.ts";
import { characterString, textRest } from "./text.ts";

function preferring(what: string, example: string, rules: { root?: boolean } = {}): DataType {
  const target = name(what, rules);
  return { fields: [number("preference", 2), target], example, quick: quickPreference, target };
}

/** `10 mail.example.org` in one pass. */
function quickPreference(text: string): Octets | null {
  const space = text.indexOf(" ");
  if (space < 1) return null;
  const preference = readNumber(text.slice(0, space));
  if (preference < 0 || preference > 0xffff) return null;
  const host = quickHost(text.slice(space + 1));
  return host === null ? null : u16Octets(preference) + host;
}

/** "No mail is taken here" is written `0 .` (RFC 7505 §3). */
function mxRule(data: Octets): string | null {
  if (data.slice(2) !== rootKey || u16At(data, 0) === 0) return null;
  return `an MX record that says that no mail is taken is written 0 ., got preference ${u16At(data, 0)}`;
}

const srvTarget = name("target", { root: true });

const naptrReplacement = name("replacement", { root: true });

/** RFC 3403 §4.1: a regular expression or a replacement, not both. */
function naptrRule(data: Octets): string | null {
  const servicesAt = 5 + data.charCodeAt(4);
  const regexpAt = servicesAt + 1 + data.charCodeAt(servicesAt);
  const replacementAt = regexpAt + 1 + data.charCodeAt(regexpAt);
  const flags = data.slice(5, servicesAt), regexp = data.slice(regexpAt + 1, replacementAt);
  if (!/^[a-z0-9]*$/i.test(flags)) return `a NAPTR record's flags are letters and digits, got ${quote(flags)}`;
  if (regexp !== "" && data.slice(replacementAt) !== rootKey) {
    return 'a NAPTR record has a regular expression or a replacement, not both; write the other as "" or .';
  }
  if (regexp !== "" && !isSubstitution(regexp)) {
    return `a NAPTR record's regular expression is written like "!^.*$!sip:info@example.org!", got ${quote(regexp)}`;
  }
  return null;
}

/** RFC 3402 §3.2: delimiter, expression, delimiter, replacement, delimiter, `i` or nothing. */
function isSubstitution(text: string): boolean {
  const delimiter = text[0]!;
  if (/[0-9i\\]/i.test(delimiter)) return false;
  const parts = [""];
  for (let i = 1; i < text.length; i++) {
    if (text[i] === delimiter) parts.push("");
    else parts[parts.length - 1] += text[i] === "\\" ? text.slice(i, ++i + 1) : text[i]!;
  }
  return parts.length === 3 && parts[0] !== "" && /^i?$/i.test(parts[2]!);
}

/** RFC 7553 §4.4: the target is a URI, so it begins with its scheme. */
function uriRule(data: Octets): string | null {
  const uri = data.slice(4);
  if (/^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(uri)) return null;
  return `a URI record's target is a URI like "https://www.example.org/", got ${quote(uri)}`;
}

export const serviceTypes: readonly [number, DataType][] = [
  [types.MX, { ...preferring("mail server", "10 mail.example.org", { root: true }), rule: mxRule }],
  [types.AFSDB, preferring("host", "1 afsdb.example.org")],
  [types.KX, preferring("key exchanger", "10 kx.example.org", { root: true })],
  [types.SRV, {
    fields: [number("priority", 2), number("weight", 2), number("port", 2), srvTarget],
    example: "10 60 5060 sip.example.org",
    target: srvTarget,
  }],
  [types.NAPTR, {
    fields: [
      number("order", 2),
      number("preference", 2),
      characterString("flags"),
      characterString("services"),
      characterString("regular expression"),
      naptrReplacement,
    ],
    example: '100 10 "S" "SIP+D2U" "" _sip._udp.example.org',
    rule: naptrRule,
    target: naptrReplacement,
  }],
  [types.URI, {
    fields: [number("priority", 2), number("weight", 2), textRest("target")],
    example: '10 1 "https://www.example.org/"',
    rule: uriRule,
  }],
];
