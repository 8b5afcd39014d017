/**
 * Domain names. Inside the program a name is its *key*: the wire form (RFC 1035 §3.1,
 * length octet before each label, zero octet at the end) in lower case, one character per octet.
 * A key compares in one step, tells labels with dots apart, and its suffixes at label
 * boundaries are the keys of its ancestors.
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { maxNameOctets, plainKey, readKey, rootKey, textOfKey } from "./name_text.ts";
import { lowerCase } from "./octets.ts";

export { maxLabelOctets, maxNameOctets, rootKey, textOfKey } from "./name_text.ts";

/** The key of the name one label up; the root's parent is the root. */
export function parentKey(key: string): string {
  return key === rootKey ? key : key.slice(key.charCodeAt(0) + 1);
}

/** Whether `key` is `ancestor` or below it, by whole labels. */
export function isAtOrBelow(key: string, ancestor: string): boolean {
  let rest = key;
  while (rest.length > ancestor.length) rest = parentKey(rest);
  return rest === ancestor;
}

/** A checked name, in lower case. */
export class DomainName {
  readonly key: string;
  #text: string | null = null;

  private constructor(key: string) {
    this.key = key;
  }

  /**
   * Reads "www.example.org" or "www.example.org.". Labels are letters, digits, `-`, `_` and `/` (RFC 2317), not
   * starting or ending with `-`; other octets are written `\!` or `\033`; `*` may stand alone as the first label (a
   * wildcard, RFC 4592). Throws Invalid on `field`.
   */
  static parse(text: string, field: string): DomainName {
    if (text === "" || text === ".") throw invalid(field, `must be a domain name, got ${quote(text)}`);
    return new DomainName(plainKey(text, rootKey) ?? readKey(text, (message) => invalid(field, message)));
  }

  /** Takes a key as it is, without a check. */
  static fromKey(key: string): DomainName {
    return new DomainName(key);
  }

  /**
   * Joins labels, first label first, and puts them below `parent` (default: the root), without a check of their
   * characters. Throws Invalid on `field` when too long.
   */
  static fromLabels(labels: readonly string[], field: string, parent?: DomainName): DomainName {
    let key = "";
    for (const label of labels) key += String.fromCharCode(label.length) + lowerCase(label);
    key += parent?.key ?? rootKey;
    if (key.length > maxNameOctets) {
      throw invalid(field, `a name has at most ${maxNameOctets} octets, got ${key.length} in ${quote(textOfKey(key))}`);
    }
    return new DomainName(key);
  }

  /** Presentation form without the final dot, `.` for the root; dots inside a label as `\.`. */
  get text(): string {
    return this.#text ??= textOfKey(this.key);
  }

  /** First label first; none for the root. */
  get labels(): string[] {
    return labelsOfKey(this.key);
  }

  /** Whether this is `other` or a name below it. */
  isAtOrBelow(other: DomainName): boolean {
    return isAtOrBelow(this.key, other.key);
  }

  toString(): string {
    return this.text;
  }
}

/** The labels of a key, first label first. */
export function labelsOfKey(key: string): string[] {
  const labels: string[] = [];
  for (let at = 0; key.charCodeAt(at) > 0; at += key.charCodeAt(at) + 1) {
    labels.push(key.slice(at + 1, at + 1 + key.charCodeAt(at)));
  }
  return labels;
}

/**
 * Canonical order of two keys (RFC 4034 §6.1): by labels from the root down, each by its octets, the shorter of two
 * equal beginnings first. Negative when `a` comes first.
 */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const left = labelStarts(a), right = labelStarts(b);
  for (let i = left.length - 1, j = right.length - 1; i >= 0 || j >= 0; i--, j--) {
    if (i < 0) return -1;
    if (j < 0) return 1;
    const one = labelAt(a, left[i]!), other = labelAt(b, right[j]!);
    if (one !== other) return one < other ? -1 : 1;
  }
  return 0;
}

function labelStarts(key: string): number[] {
  const starts: number[] = [];
  for (let at = 0; key.charCodeAt(at) > 0; at += key.charCodeAt(at) + 1) starts.push(at);
  return starts;
}

const labelAt = (key: string, start: number): string => key.slice(start + 1, start + 1 + key.charCodeAt(start));
