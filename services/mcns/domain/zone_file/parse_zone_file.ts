/** Reads zone files (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5) as BIND, Knot and NSD write them. */
import { PlatformError, quote } from "@lib/errors/mod.ts";
import { type DomainName, isAtOrBelow, textOfKey } from "../name.ts";
import { plainKey, readKey } from "../name_text.ts";
import { type Octets, u16Octets, u32At } from "../octets.ts";
import { readDuration } from "../rdata/numbers.ts";
import { parseTokens } from "../rdata/record_data.ts";
import { isMetaType, knownTypeCode, types, typeText } from "../rdata/record_type.ts";
import type { Token } from "../rdata/tokens.ts";
import { type Entry, readEntries } from "./entries.ts";

/** A record as a zone file has it, and as transfers and journals do. */
export interface RecordLine {
  /** Key of its name. */
  readonly owner: string;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly data: Octets;
}

export interface ZoneFileRecord extends RecordLine {
  /** Where it stands in the file, from 1. */
  readonly line: number;
}

export interface ZoneFileOptions {
  /** The zone: relative names are below it until $ORIGIN says otherwise, and all owners must be in it. */
  readonly origin: DomainName;
  /** Seconds for records that give none before any other gave one, without $TTL. Default: the SOA's minimum. */
  readonly defaultTtl?: number;
  /** What messages call the file. Default "zone file". */
  readonly file?: string;
  /** The field that errors are on. Default "text". */
  readonly field?: string;
  /** Default 1,000,000. */
  readonly maxRecords?: number;
  /** As in parseData: for files that another server wrote, without the rules for those who write records. */
  readonly formOnly?: boolean;
}

/** RFC 2181 §8: 31 bits. */
const maxTtlSeconds = 2 ** 31 - 1;

/**
 * The records in their order in the file; of two that are the same the first. Whether they fit each other, and whether
 * callers may write their types, isn't looked at.
 *
 * Throws Invalid on `options.field` at the first thing that is wrong: file and line, the rule, the value.
 */
export function parseZoneFile(text: string, options: ZoneFileOptions): ZoneFileRecord[] {
  const parsing = parsingZoneFile(text, options);
  for (;;) {
    const { done, value } = parsing.next();
    if (done === true) return value;
  }
}

/** As `parseZoneFile`, record by record: for files so large that others want a turn in between. */
export function parsingZoneFile(text: string, options: ZoneFileOptions): Generator<void, ZoneFileRecord[]> {
  return new ZoneFileParser(options).parse(text);
}

class ZoneFileParser {
  readonly #options: ZoneFileOptions;
  readonly #fail: (line: number, message: string) => PlatformError;
  #origin: Octets;
  #owner: Octets | null = null;
  #ownerText: string | null = null;
  /** Of $TTL. */
  #defaultTtl: number | null = null;
  #lastTtl: number | null;

  constructor(options: ZoneFileOptions) {
    const { origin, file = "zone file", field = "text" } = options;
    this.#options = options;
    this.#origin = origin.key;
    this.#lastTtl = options.defaultTtl ?? null;
    this.#fail = (line, message) => new PlatformError("invalid", `${file}:${line}: ${message}`, { field });
  }

  *parse(text: string): Generator<void, ZoneFileRecord[]> {
    const { maxRecords = 1_000_000 } = this.#options;
    const records: ZoneFileRecord[] = [];
    const seen = new Set<string>();
    for (const entry of readEntries(text, this.#fail)) {
      const { line, startsBlank, tokens } = entry;
      const first = tokens[0]!;
      if (!startsBlank && !first.quoted && first.text.startsWith("$")) {
        this.#direct(entry);
        continue;
      }
      if (!startsBlank) this.#setOwner(line, first);
      const record = this.#record(line, startsBlank ? tokens : tokens.slice(1));
      const identity = record.owner + u16Octets(record.type) + record.data;
      if (seen.has(identity)) continue;
      seen.add(identity);
      if (records.length === maxRecords) {
        throw this.#fail(line, `a zone file has at most ${maxRecords} record${maxRecords === 1 ? "" : "s"} here`);
      }
      records.push(record);
      yield;
    }
    return records;
  }

  #direct({ line, tokens }: Entry): void {
    const [directive, value, more] = tokens.map(({ text }) => text);
    const name = directive!.toUpperCase();
    if (name === "$INCLUDE") {
      throw this.#fail(line, "$INCLUDE isn't read here: put the other file's lines in its place");
    }
    if (name !== "$ORIGIN" && name !== "$TTL") {
      throw this.#fail(line, `only $ORIGIN and $TTL are known here, got ${quote(directive)}; write its records out`);
    }
    if (value === undefined || more !== undefined) throw this.#fail(line, `${name} has one value`);
    if (name === "$ORIGIN") this.#origin = this.#name(line, value);
    else this.#defaultTtl = this.#ttl(line, value) ?? this.#noTtl(line, value);
  }

  #setOwner(line: number, token: Token): void {
    // Most often the same as before, or another one: the text tells quicker than the key.
    if (token.text === this.#ownerText) return;
    const owner = this.#name(line, token.text);
    const { origin } = this.#options;
    if (!isAtOrBelow(owner, origin.key)) {
      throw this.#fail(line, `${textOfKey(owner)} isn't in zone ${origin}; leave the record out, or mend its name`);
    }
    this.#owner = owner;
    this.#ownerText = token.text;
  }

  #name(line: number, text: string): Octets {
    const origin = this.#origin;
    this.#ownerText = null; // $ORIGIN changes what a text stands for
    return plainKey(text, origin) ??
      readKey(text, (message) => this.#fail(line, message), {
        origin,
        anyCharacters: this.#options.formOnly === true,
      });
  }

  /** `[TTL] [class] type data` or `[class] [TTL] type data`. */
  #record(line: number, tokens: readonly Token[]): ZoneFileRecord {
    const owner = this.#owner;
    if (owner === null) throw this.#fail(line, "the first record gives its name; @ is the zone's own");
    let at = 0, stated: number | null = null, hasClass = false;
    for (; at < tokens.length; at++) {
      const { text } = tokens[at]!;
      const ttl: number | null = stated === null ? this.#ttl(line, text) : null;
      if (ttl !== null) stated = ttl;
      else if (!hasClass && this.#isClass(line, text)) hasClass = true;
      else break;
    }
    const typeToken = tokens[at];
    if (typeToken === undefined) throw this.#fail(line, `${textOfKey(owner)} is followed by a type, like A, and data`);
    const type = typeToken.quoted ? null : knownTypeCode(typeToken.text);
    if (type === null) {
      throw this.#fail(
        line,
        `${quote(typeToken.text)} is no record type known here; write others as TYPE and their number, with \\# data`,
      );
    }
    if (isMetaType(type)) throw this.#fail(line, `${typeText(type)} stands in messages, not in zones`);
    const data = parseTokens(
      type,
      tokens.slice(at + 1),
      { origin: this.#origin, formOnly: this.#options.formOnly, fromZoneFile: true },
      (message) => this.#fail(line, message),
    );
    // A TTL that isn't stated: $TTL (RFC 2308 §4), else the last one (RFC 1035 §5.1), else the SOA's minimum, as in BIND.
    const implied = this.#defaultTtl ?? this.#lastTtl ?? (type === types.SOA ? u32At(data, data.length - 4) : null);
    const ttlSeconds = stated ?? implied;
    if (ttlSeconds === null) throw this.#fail(line, "the record has no TTL; put $TTL 300 at the top");
    this.#lastTtl = ttlSeconds;
    return { line, owner, type, ttlSeconds, data };
  }

  /** Seconds; null for what is no TTL. */
  #ttl(line: number, text: string): number | null {
    const digit = text.charCodeAt(0);
    if (!(digit >= 0x30 && digit <= 0x39)) return null;
    const seconds = readDuration(text) ?? this.#noTtl(line, text);
    return seconds > maxTtlSeconds ? this.#noTtl(line, text) : seconds;
  }

  #noTtl(line: number, text: string): never {
    throw this.#fail(line, `a TTL is seconds up to ${maxTtlSeconds}, or a time like 1h30m, got ${quote(text)}`);
  }

  #isClass(line: number, text: string): boolean {
    const upper = text.length <= 8 ? text.toUpperCase() : "";
    if (upper === "IN" || upper === "CLASS1") return true;
    if (upper === "CH" || upper === "HS" || upper === "CS" || /^CLASS[0-9]+$/.test(upper)) {
      throw this.#fail(line, `only class IN is served, got ${quote(text)}`);
    }
    return false;
  }
}
