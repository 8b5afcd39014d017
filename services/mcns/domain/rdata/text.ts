/** Texts: TXT and SPF (RFC 1035 §3.3.14, RFC 7208 §3.1), HINFO, CAA (RFC 8659). */
import { quote } from "@lib/errors/mod.ts";
import { plainKey } from "../name_text.ts";
import { lowerCase, type Octets } from "../octets.ts";
import type { DataType, Field } from "./field.ts";
import { number } from "./numbers.ts";
import { types } from "./record_type.ts";
import { escapeText, quoteText, type TokenReader } from "./tokens.ts";

const maxStringOctets = 255;

const withLength = (octets: Octets): Octets => String.fromCharCode(octets.length) + octets;

/** Where the character string at `at` ends; -1 when it is cut short. */
function stringEnd(data: Octets, at: number): number {
  const end = at + 1 + data.charCodeAt(at); // NaN beyond the end
  return end <= data.length ? end : -1;
}

/** One string of up to 255 octets (RFC 1035 §3.3), always written in quotation marks. */
export function characterString(name: string): Field {
  return {
    name,
    layout: "s",
    parse(tokens) {
      const octets = tokens.octets(tokens.next(name));
      if (octets.length > maxStringOctets) {
        throw tokens.fail(
          `${tokens.subject}'s ${name} has at most ${maxStringOctets} octets, got ${octets.length}`,
        );
      }
      return withLength(octets);
    },
    end(data, at) {
      const end = stringEnd(data, at);
      return end < 0 ? `its ${name} is cut short` : end;
    },
    format: (data, at, end) => quoteText(data.slice(at + 1, end)),
  };
}

/** One text or several; one that is too long for a string becomes several strings. */
function texts(name: string): Field {
  return {
    name,
    parse(tokens) {
      checkQuoted(tokens);
      let data = "";
      do {
        const octets = tokens.octets(tokens.next(name));
        let at = 0;
        do {
          data += withLength(octets.slice(at, at + maxStringOctets));
          at += maxStringOctets;
        } while (at < octets.length);
      } while (tokens.left > 0);
      return data;
    },
    end(data, at) {
      if (at === data.length) return `its ${name} is missing`;
      while (at < data.length) {
        at = stringEnd(data, at);
        if (at < 0) return `its ${name} is cut short`;
      }
      return at;
    },
    format(data, at, end) {
      let text = "";
      while (at < end) {
        const next = stringEnd(data, at);
        text += (text === "" ? '"' : ' "') + escapeText(data.slice(at + 1, next)) + '"';
        at = next;
      }
      return text;
    },
  };
}

/**
 * A value of the API is one word, or all in quotation marks: `v=DKIM1; k=rsa` would become two strings that readers
 * join without the space.
 */
function checkQuoted(tokens: TokenReader): void {
  if (tokens.options.fromZoneFile === true || tokens.left < 2) return;
  const word = tokens.find((token) => !token.quoted);
  if (word !== undefined) {
    throw tokens.fail(
      `${tokens.subject}'s text with spaces or quotation marks in it stands in quotation marks, ` +
        `those inside after a backslash, like "v=DKIM1; k=rsa": ${quote(word.text)} stands outside`,
    );
  }
}

/** `"…"` of one printable ASCII string without escapes. */
function quickText(text: string): Octets | null {
  const length = text.length - 2;
  if (length < 0 || length > maxStringOctets || text.charCodeAt(length + 1) !== 0x22 || text.charCodeAt(0) !== 0x22) {
    return null;
  }
  for (let i = 1; i <= length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return null;
  }
  return String.fromCharCode(length) + text.slice(1, -1);
}

/** All that is left, as one text. */
export function textRest(name: string): Field {
  return {
    name,
    parse: (tokens) => tokens.octets(tokens.next(name)),
    end: (data) => data.length,
    format: (data, at, end) => quoteText(data.slice(at, end)),
  };
}

/** The properties that IANA lists ("Certification Authority Restriction Properties"). */
const caaTags = ["issue", "issuewild", "issuemail", "issuevmc", "iodef", "contactemail", "contactphone"];

/** A property's name: letters and digits without regard to case (RFC 8659 §4.1), not in quotation marks. */
const caaTag: Field = {
  name: "property",
  layout: "s",
  parse(tokens) {
    const written = tokens.word("property");
    const tag = tokens.isStrict ? lowerCase(written) : written;
    if (!/^[a-z0-9]{1,255}$/i.test(tag) || (tokens.isStrict && !caaTags.includes(tag))) {
      throw tokens.wrong("property", `is one of ${caaTags.join(", ")}`, written);
    }
    return withLength(tag);
  },
  end(data, at) {
    const end = stringEnd(data, at);
    return end < 0 || !/^[a-z0-9]+$/i.test(data.slice(at + 1, end)) ? "its property is no word" : end;
  },
  format: (data, at, end) => data.slice(at + 1, end),
};

function caaRule(data: Octets): string | null {
  const flags = data.charCodeAt(0), valueAt = 2 + data.charCodeAt(1);
  const tag = data.slice(2, valueAt), value = data.slice(valueAt);
  if (flags !== 0 && flags !== 128) {
    return `a CAA record's flags are 0, or 128 to forbid issuance by who doesn't know the property, got ${flags}`;
  }
  if (tag.startsWith("issue") && !isIssuer(value)) {
    return `a CAA record's ${tag} names a certificate authority, like "letsencrypt.org" or ` +
      `"letsencrypt.org; validationmethods=dns-01", or none: ";", got ${quote(value)}`;
  }
  if (tag === "iodef" && !/^(mailto:[^@]+@[^@]+|https?:\/\/.+)$/i.test(value)) {
    return `a CAA record's iodef is a URL to report to, like "mailto:security@example.org", got ${quote(value)}`;
  }
  if (tag === "contactemail" && !/^[^@]+@[^@]+$/.test(value)) {
    return `a CAA record's contactemail is a mail address, got ${quote(value)}`;
  }
  return null;
}

/** RFC 8659 §4.2: a domain or nothing, then parameters `tag=value` after semicolons. */
function isIssuer(value: string): boolean {
  const [issuer = "", ...parameters] = value.split(";").map((part) => part.trim());
  const isName = issuer === "" ? value !== "" : issuer.includes(".") && plainKey(lowerCase(issuer)) !== null;
  const isFine = (one: string) => one === "" || /^[a-z0-9][a-z0-9-]*\s*=\s*[\x21-\x7e]*$/i.test(one);
  return isName && parameters.every(isFine);
}

const oneText = (example: string): DataType => ({ fields: [texts("text")], example, quick: quickText });

export const textTypes: readonly [number, DataType][] = [
  [types.TXT, oneText('"v=spf1 mx -all"')],
  [types.SPF, oneText('"v=spf1 mx -all"')],
  [types.HINFO, { fields: [characterString("CPU"), characterString("system")], example: '"ARM64" "LINUX"' }],
  [types.CAA, {
    fields: [number("flags", 1), caaTag, textRest("value")],
    example: '0 issue "letsencrypt.org"',
    rule: caaRule,
  }],
];
