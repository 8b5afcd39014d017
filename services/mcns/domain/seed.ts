/** Records as the config's `[[zones]]` tables list them: one line of zone file each, `name [ttl] type value`. */
import { invalid, quote } from "@lib/errors/mod.ts";
import type { DomainName } from "./name.ts";
import { parseTtl, type RecordSpec } from "./record.ts";
import { parseData } from "./rdata/record_data.ts";
import { checkWritable, typeCode } from "./rdata/record_type.ts";
import { RecordName } from "./record_name.ts";

/** Reads "www 300 A 192.0.2.1" or "www A 192.0.2.1". Throws Invalid on `field`, whatever part is wrong. */
export function parseSeedRecord(line: string, zone: DomainName, field: string): RecordSpec {
  const match = /^(\S+)\s+(?:(\d+)\s+)?([A-Za-z][A-Za-z0-9]*)\s+(\S.*)$/.exec(line.trim());
  if (match === null) {
    throw invalid(field, `must be "name [ttl] type value", like "www 300 A 192.0.2.1", got ${quote(line)}`);
  }
  const [, name = "", ttl = "0", typeName = "", value = ""] = match;
  const type = typeCode(typeName, field);
  checkWritable(type, field);
  return {
    name: RecordName.parse(name, zone, field),
    type,
    data: parseData(type, value, { field }),
    ttlSeconds: parseTtl(Number(ttl), field),
  };
}
