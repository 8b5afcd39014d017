/** What may stand together at one name. Checked in the transaction that changes it, whoever asks. */
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import { types, typeText } from "./rdata/record_type.ts";
import type { Octets } from "./octets.ts";
import type { RecordName } from "./record_name.ts";

/** Values of one name and type: they all go into one answer, which 64 IPv6 addresses fill with 1.8 kB. */
export const maxValuesPerSet = 64;

/** A record, as far as the rules look at it. */
export interface RuledRecord {
  readonly type: number;
  readonly data: Octets;
  /** Presentation form, for messages. */
  readonly value: string;
}

/** Types that a name has once: a second value would leave open which one counts. */
const single: ReadonlySet<number> = new Set([types.CNAME, types.DNAME, types.ALIAS]);

/**
 * Checks all records that a name will have in one view. Throws Conflict for what can't stand together, Invalid for what
 * can't stand at that name at all.
 * @param added those of `records` that are new; errors speak of them
 */
export function checkName(name: RecordName, records: readonly RuledRecord[], added: readonly RuledRecord[]): void {
  for (const record of added) checkPlace(name, record);
  const counts = new Map<number, number>();
  for (const { type } of records) counts.set(type, (counts.get(type) ?? 0) + 1);
  for (const [type, count] of counts) {
    if (count > 1 && single.has(type)) refuseSecond(name, type, records, added);
    if (count > maxValuesPerSet) {
      throw conflict(
        `Cannot add ${typeText(type)} ${quote(name.relative)}: it has ${maxValuesPerSet} values, and that is the limit`,
      );
    }
  }
  if (counts.has(types.CNAME) && counts.size > 1) refuseBeside(name, types.CNAME, records, added);
  if (counts.has(types.ALIAS) && (counts.has(types.A) || counts.has(types.AAAA))) {
    throw conflict(`Cannot have ALIAS and addresses at ${quote(name.relative)}: the ALIAS stands for the addresses`, {
      hint: "Delete the one to add the other.",
    });
  }
}

function checkPlace(name: RecordName, { type, data }: RuledRecord): void {
  const shown = `Cannot add ${typeText(type)} ${quote(name.relative)}`;
  if (type === types.CNAME) {
    if (name.relative === "@") {
      throw invalid(
        "name",
        `${shown}: the zone's SOA and NS records stand there, and a CNAME stands alone; use ALIAS, or A and AAAA records`,
      );
    }
    if (data === name.absolute.key) throw invalid("value", `${shown}: it points to itself`);
  }
  if (type === types.ALIAS && data === name.absolute.key) throw invalid("value", `${shown}: it points to itself`);
  if (type === types.DS && name.relative === "@") {
    throw invalid("name", `${shown}: a zone's DS stands in the zone above it`);
  }
  // RFC 4592 §4.2: what a delegation of a wildcard would mean is undefined.
  if (type === types.NS && name.absolute.key.startsWith("\x01*")) {
    throw invalid("name", `${shown}: a wildcard can't be delegated`);
  }
}

function refuseSecond(
  name: RecordName,
  type: number,
  records: readonly RuledRecord[],
  added: readonly RuledRecord[],
): never {
  const present = records.find((record) => record.type === type && !added.includes(record));
  const text = typeText(type);
  if (present === undefined) {
    throw invalid("values", `a name has one ${text}, got ${added.map(({ value }) => quote(value)).join(", ")}`);
  }
  throw conflict(
    `Cannot add ${text} ${quote(name.relative)}: ${
      article(type)
    } to ${present.value} exists at that name, and a name has one`,
    { hint: "Delete it first, or set the record instead of adding one." },
  );
}

/** RFC 1034 §3.6.2. */
function refuseBeside(
  name: RecordName,
  type: number,
  records: readonly RuledRecord[],
  added: readonly RuledRecord[],
): never {
  const one = added[0] ?? records.find((record) => record.type !== type)!;
  const other = one.type === type ? records.find((record) => record.type !== type)! : { type };
  throw conflict(
    `Cannot add ${typeText(one.type)} ${quote(name.relative)}: ${article(other.type)} record exists at that name`,
    { hint: "A CNAME stands alone at its name; delete the one to add the other." },
  );
}

/** Types whose first letter is spoken with a vowel in front. */
const withAn = /^(A|AAAA|ALIAS|AFSDB|EUI48|EUI64|HINFO|HTTPS|MX|NS|OPENPGPKEY|RP|SMIMEA|SPF|SRV|SSHFP|SVCB|URI)$/;

function article(type: number): string {
  const text = typeText(type);
  return `${withAn.test(text) ? "an" : "a"} ${text}`;
}
