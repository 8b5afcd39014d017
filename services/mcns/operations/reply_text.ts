/** Records of replies as lines of a zone file. */
import type { WireRecord } from "../dns/message.ts";
import { textOfKey } from "../domain/name.ts";
import { fromBytes, type Octets, toHex } from "../domain/octets.ts";
import { checkData, formatData } from "../domain/rdata/record_data.ts";
import { typeText } from "../domain/rdata/record_type.ts";

/** `www.example.org. 300 IN A 192.0.2.1` */
export function recordLine({ owner, type, ttlSeconds, data }: WireRecord): string {
  const name = textOfKey(owner);
  return `${name}${name === "." ? "" : "."} ${ttlSeconds} IN ${typeText(type)} ${dataText(type, fromBytes(data))}`;
}

/** What somebody else sent may be no good: then it is shown as octets (RFC 3597 §5). */
export function dataText(type: number, data: Octets): string {
  return checkData(type, data) === null
    ? formatData(type, data, { finalDot: true })
    : `\\# ${data.length} ${toHex(data)}`.trimEnd();
}
