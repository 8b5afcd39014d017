/** A CNAME stands alone at its name (RFC 1034 §3.6.2), and so never at the apex. */
import { conflict, invalid, quote } from "@lib/errors/mod.ts";
import type { RecordName } from "./record_name.ts";
import type { RecordType, RecordValue } from "./record.ts";

/**
 * Checks that `value` may stand at `name` beside what is there. Called inside the transaction that adds it.
 * Throws Conflict for a CNAME beside anything or anything beside a CNAME, Invalid for a CNAME at the apex or to itself.
 * @param present the other records at the name: same name, any type; not `value` itself
 */
export function checkCnameRules(
  name: RecordName,
  value: RecordValue,
  present: Iterable<{ type: RecordType; value: string }>,
): void {
  if (value.type === "CNAME") {
    if (name.relative === "@") {
      throw invalid("name", 'Cannot add CNAME "@": the zone\'s SOA and NS records stand there; add A or AAAA records');
    }
    if (value.target.key === name.absolute.key) {
      throw invalid("value", `Cannot add CNAME ${quote(name.relative)}: it points to itself`);
    }
  }
  for (const other of present) {
    if (value.type === "CNAME" && other.type === "CNAME") {
      throw conflict(
        `Cannot add CNAME ${quote(name.relative)}: a CNAME to ${other.value} exists at that name, and a name has one`,
        { hint: "Delete it first, or set the record instead of adding one." },
      );
    }
    if (value.type === "CNAME" || other.type === "CNAME") {
      throw conflict(
        `Cannot add ${value.type} ${quote(name.relative)}: ${article(other.type)} record exists at that name`,
        { hint: "A CNAME stands alone at its name; delete the one to add the other." },
      );
    }
  }
}

const article = (type: RecordType): string => (type === "CNAME" ? `a ${type}` : `an ${type}`);
