/**
 * The names a certificate of this platform may carry: lower-case letter-digit-hyphen DNS names and IP addresses.
 * @module
 */
import { invalid, quote } from "@lib/errors/mod.ts";

/** A subject alternative name. */
export interface SubjectName {
  kind: "dns" | "ip";
  /** Canonical text: what `parseSubjectName` gives for itself. */
  value: string;
}

/** What `parseSubjectName` lets through beside plain names. */
export interface NameOptions {
  /** `*.` as the whole first label; default false. */
  wildcard?: boolean;
  /** The caller's field, for errors; default `names`. */
  field?: string;
}

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const ipv4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

/** The canonical text of an IP address (RFC 5952 for IPv6), or null when `text` is none. */
export function canonicalIp(text: string): string | null {
  if (ipv4.test(text)) return text;
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !text.includes(":")) return null;
  const url = URL.parse(`http://[${text}]/`);
  return url === null ? null : url.hostname.slice(1, -1);
}

/** The 4 or 16 bytes of an address that `canonicalIp` accepted. */
export function ipBytes(address: string): Uint8Array<ArrayBuffer> {
  if (!address.includes(":")) return Uint8Array.from(address.split("."), Number);
  const [head = "", tail] = address.split("::");
  const words = (part: string) => part === "" ? [] : part.split(":").map((word) => parseInt(word, 16));
  const front = words(head);
  const back = tail === undefined ? [] : words(tail);
  const all = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

/**
 * Checks one name and gives its kind.
 *
 * DNS names are lower case, at most 253 characters, labels of 1–63 letters, digits and hyphens (RFC 5890 §2.3.1), no
 * trailing dot. Labels with hyphens in the third and fourth place (`xn--…`) are refused: an internationalised
 * name can look like another one, and no platform name needs it. A last label of digits only is refused, because
 * some verifiers read such a name as an address.
 * @throws invalid with the rule that the name breaks
 */
export function parseSubjectName(text: string, options: NameOptions = {}): SubjectName {
  const field = options.field ?? "names";
  const refuse = (rule: string) => invalid(field, `${rule}: ${quote(text)}`);
  if (text === "") throw refuse("a name must not be empty");
  const ip = canonicalIp(text);
  if (ip !== null) return { kind: "ip", value: ip };
  // deno-lint-ignore no-control-regex -- these are the characters to refuse
  if (/[\x00-\x20\x7f-\uffff]/.test(text)) throw refuse("a name must be printable ASCII without blanks or null bytes");
  if (/[A-Z]/.test(text)) throw refuse("a DNS name must be lower case");
  if (text.length > 253) throw refuse("a DNS name has at most 253 characters");
  const labels = text.split(".");
  if (labels[0] === "*") {
    if (options.wildcard !== true || labels.length < 3) throw refuse("a wildcard is not allowed");
    labels.shift();
  }
  for (const each of labels) {
    if (!label.test(each)) {
      throw refuse("a DNS label has 1 to 63 letters, digits or hyphens and neither begins nor ends with a hyphen");
    }
    if (each.slice(2, 4) === "--") throw refuse("an internationalised (xn--) or reserved label is not allowed");
  }
  if (/^\d+$/.test(labels.at(-1) ?? "")) throw refuse("the last label of a DNS name must not be a number");
  return { kind: "dns", value: text };
}

/**
 * Checks a list of names: at least one, at most `max`, repeated ones given once, in the order received.
 * @param max default 100
 */
export function parseSubjectNames(
  texts: readonly string[],
  options: NameOptions & { max?: number } = {},
): SubjectName[] {
  const field = options.field ?? "names";
  const max = options.max ?? 100;
  if (texts.length === 0) throw invalid(field, "at least one DNS name or IP address is needed");
  if (texts.length > max) throw invalid(field, `a certificate carries at most ${max} names: ${texts.length}`);
  const byValue = new Map<string, SubjectName>();
  for (const text of texts) {
    const name = parseSubjectName(text, options);
    byValue.set(name.value, name);
  }
  return [...byValue.values()];
}
