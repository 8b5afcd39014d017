/**
 * What the scopes of an API token mean here: `mcns:record:ZONE:NAMES` or `mcns:record:ZONE:NAMES:TYPES`, with commas
 * between names and between types, each with the meaning that it has in a TSIG key's scope (update_scope.ts).
 */
import { denied, messageOf, quote } from "@lib/errors/mod.ts";
import { DomainName } from "./name.ts";
import { typeText } from "./rdata/record_type.ts";
import type { RecordName } from "./record_name.ts";
import { allows, allowsZone, describeScopes, parseScope, type Scope } from "./update_scope.ts";

/** What a token is limited to. */
export interface TokenLimit {
  readonly records: readonly Scope[];
  /** Scopes of this service that can't be read, each with the reason. They allow nothing. */
  readonly unread: readonly string[];
}

const service = "mcns:";
const kind = "mcns:record:";

/** Reads all scopes of a token; those of other services are none of ours. */
export function readTokenScopes(texts: readonly string[]): TokenLimit {
  const records: Scope[] = [];
  const unread: string[] = [];
  for (const text of texts.filter((one) => one.startsWith(service))) {
    try {
      records.push(parseRecordScope(text));
    } catch (error) {
      unread.push(messageOf(error));
    }
  }
  return { records, unread };
}

function parseRecordScope(text: string): Scope {
  const [zone = "", names = "", types, ...rest] = text.slice(kind.length).split(":");
  if (!text.startsWith(kind) || names === "" || rest.length > 0) {
    throw new Error(`scope ${quote(text)} isn't "${kind}ZONE:NAMES" with ":TYPES" after it or without`);
  }
  return parseScope(
    { zone, names: names.split(","), types: types?.split(",") ?? [] },
    `scope ${quote(text)}`,
  );
}

/** Records of a zone, as far as a caller has named them. */
export interface RecordPlace {
  readonly zone: DomainName;
  /** Null for those of all names. */
  readonly name: RecordName | null;
  /** Null for those of all types. */
  readonly type: number | null;
}

/**
 * Throws Denied with rule `token-scopes` when the token may not see or change all of these records.
 * @param limit null for a token without scopes
 * @param verb "change", "read"
 */
export function checkScopesHaveRecords(
  limit: TokenLimit | null,
  { zone, name, type }: RecordPlace,
  verb: string,
): void {
  if (limit === null) return;
  if (name !== null && allows(limit.records, zone.key, name.absolute.key, type)) return;
  const types = type === null ? "records of all types" : typeText(type);
  throw refusal(limit, `${verb} ${types} at ${name === null ? "all names" : quote(name.relative)} in ${zone}`);
}

/** The same for the zone itself: its settings and serial. */
export function checkScopesHaveZone(limit: TokenLimit | null, zone: DomainName): void {
  if (limit !== null && !allowsZone(limit.records, zone.key)) throw refusal(limit, `read zone ${zone}`);
}

/** What a token may change if its account may, in words: a line for each scope. */
export function describeLimit({ records, unread }: TokenLimit): string[] {
  return [...describeScopes(records), ...unread.map((reason) => `nothing by ${reason}`)];
}

function refusal(limit: TokenLimit, what: string): Error {
  const lines = describeLimit(limit);
  const may = lines.length === 0 ? "has no scope of mcns" : `is limited to ${lines.join("; ")}`;
  return denied("token-scopes", `Cannot ${what} with this token: it ${may}`);
}
