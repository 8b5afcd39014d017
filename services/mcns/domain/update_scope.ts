/**
 * What a TSIG key or an API token may change: in one zone, names by pattern, types. The same rules for both, so that
 * "only `_acme-challenge` TXT" means the same by RFC 2136 and by the API.
 */
import { invalid, quote } from "@lib/errors/mod.ts";
import { DomainName, isAtOrBelow } from "./name.ts";
import { checkWritable, typeCode, typeText } from "./rdata/record_type.ts";

/**
 * Names of a zone, relative to it:
 *
 * | pattern             | names                                                   |
 * | ------------------- | ------------------------------------------------------- |
 * | `@`                 | the apex                                                |
 * | `www`               | that name                                               |
 * | `*.lan`             | every name below `lan`, not `lan` itself                |
 * | `**`                | every name                                              |
 * | `_acme-challenge.**` | `_acme-challenge` at the apex and below any name         |
 */
export interface NamePattern {
  readonly kind: "name" | "below" | "any" | "label";
  /** Absolute key of the name, or of what the names are below; of a label: that label, as a key's beginning. */
  readonly key: string;
  readonly text: string;
}

export interface Scope {
  readonly zone: DomainName;
  readonly names: readonly NamePattern[];
  /** Empty: every type that callers may write. */
  readonly types: readonly number[];
}

/** A scope as the contract and the store have it. */
export interface ScopeText {
  readonly zone: string;
  readonly names: readonly string[];
  /** Presentation form. */
  readonly types: readonly string[];
}

/** More patterns than that are better written as fewer, wider ones: each is looked at for every change. */
const maxPatterns = 100;

/** Throws Invalid on `field` and the part of it that is wrong. */
export function parseScope({ zone, names, types }: ScopeText, field = "scope"): Scope {
  const zoneName = DomainName.parse(zone, `${field}.zone`);
  if (names.length === 0) {
    throw invalid(
      `${field}.names`,
      'must hold at least one pattern, like "www", "*.lan", "_acme-challenge.**" or "**"',
    );
  }
  if (names.length > maxPatterns) {
    throw invalid(`${field}.names`, `has at most ${maxPatterns} patterns, got ${names.length}`);
  }
  const codes = types.map((type) => {
    const code = typeCode(type, `${field}.types`);
    checkWritable(code, `${field}.types`);
    return code;
  });
  return { zone: zoneName, names: names.map((name) => parsePattern(name, zoneName, `${field}.names`)), types: codes };
}

export function formatScope({ zone, names, types }: Scope): ScopeText {
  return { zone: zone.text, names: names.map(({ text }) => text), types: types.map(typeText) };
}

function parsePattern(given: string, zone: DomainName, field: string): NamePattern {
  const text = given.toLowerCase();
  if (text === "**") return { kind: "any", key: zone.key, text };
  if (text === "@") return { kind: "name", key: zone.key, text };
  if (text.endsWith(".**")) {
    const labels = DomainName.parse(text.slice(0, -3), field).labels;
    if (labels.length !== 1) throw invalid(field, `"label.**" has one label before the stars, got ${quote(given)}`);
    return { kind: "label", key: String.fromCharCode(labels[0]!.length) + labels[0]!, text };
  }
  if (text.endsWith(".")) throw invalid(field, `is relative to the zone and without a final dot, got ${quote(given)}`);
  const below = text.startsWith("*.");
  const name = DomainName.parse(below ? text.slice(2) : text, field);
  const key = DomainName.fromLabels(name.labels, field, zone).key;
  return { kind: below ? "below" : "name", key, text };
}

/**
 * Whether one of the scopes lets its holder change records of that type at that name (absolute key).
 * @param type null for all types at once
 */
export function allows(scopes: readonly Scope[], zone: string, name: string, type: number | null): boolean {
  return scopes.some((scope) => scope.zone.key === zone && hasType(scope, type) && hasName(scope, name));
}

/** Whether one of the scopes is about that zone at all. */
export function allowsZone(scopes: readonly Scope[], zone: string): boolean {
  return scopes.some((scope) => scope.zone.key === zone);
}

function hasType({ types }: Scope, type: number | null): boolean {
  return types.length === 0 || (type !== null && types.includes(type));
}

function hasName({ zone, names }: Scope, name: string): boolean {
  if (!isAtOrBelow(name, zone.key)) return false;
  return names.some(({ kind, key }) => {
    switch (kind) {
      case "any":
        return true;
      case "name":
        return name === key;
      case "below":
        return name !== key && isAtOrBelow(name, key);
      case "label":
        // The zone's own name isn't a label below it.
        return name !== zone.key && name.startsWith(key);
    }
  });
}

/** What a holder of the scopes may change, in words. */
export function describeScopes(scopes: readonly Scope[]): string[] {
  return scopes.map((scope) => {
    const { zone, names, types } = formatScope(scope);
    return `${types.length === 0 ? "all types" : types.join(", ")} at ${names.join(", ")} in ${zone}`;
  });
}
