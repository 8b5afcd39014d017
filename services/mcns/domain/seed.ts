/** Records as the config's `[[zones]]` tables list them: one line of zone file each, `name [ttl] type value`. */
import { invalid, quote } from "@lib/errors/mod.ts";
import type { DomainName } from "./name.ts";
import { parseRecordType, parseRecordValue, parseTtl, type RecordValue } from "./record.ts";
import { RecordName } from "./record_name.ts";

export interface SeedRecord {
  name: RecordName;
  ttlSeconds: number;
  value: RecordValue;
}

/** Reads "www 300 A 192.0.2.1" or "www A 192.0.2.1". Throws Invalid on `field`, whatever part is wrong. */
export function parseSeedRecord(line: string, zone: DomainName, field: string): SeedRecord {
  const match = /^(\S+)\s+(?:(\d+)\s+)?([A-Za-z]+)\s+(\S+)$/.exec(line.trim());
  if (match === null) {
    throw invalid(field, `must be "name [ttl] type value", like "www 300 A 192.0.2.1", got ${quote(line)}`);
  }
  const [, name = "", ttl = "0", type = "", value = ""] = match;
  return {
    name: RecordName.parse(name, zone, field),
    ttlSeconds: parseTtl(Number(ttl), field),
    value: parseRecordValue(parseRecordType(type, field), value, field),
  };
}
