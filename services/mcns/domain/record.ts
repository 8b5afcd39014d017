/** Records: types, values in their one canonical spelling, TTLs. */
import { invalid, quote } from "@lib/errors/mod.ts";
import { formatIpv6, parseIpv4, parseIpv6 } from "./ip_address.ts";
import { DomainName } from "./name.ts";

/** The types that callers may write. NS and SOA come from the zone itself. */
export const recordTypes = ["A", "AAAA", "CNAME"] as const;
export type RecordType = typeof recordTypes[number];

/** One value, checked. `text` is what the store keeps and callers see. */
export type RecordValue =
  | { readonly type: "A" | "AAAA"; readonly text: string; readonly octets: Uint8Array }
  | { readonly type: "CNAME"; readonly text: string; readonly target: DomainName };

/** Seconds a record may be cached when its writer didn't say. */
export const defaultTtlSeconds = 300;

/** RFC 2181 §8: a TTL has 31 bits. */
export const maxTtlSeconds = 2 ** 31 - 1;

/** Reads a type in any case. Throws Invalid on `field` for others than A, AAAA and CNAME. */
export function parseRecordType(text: string, field = "type"): RecordType {
  const type = recordTypes.find((one) => one === text.toUpperCase());
  if (type === undefined) throw invalid(field, `must be one of ${recordTypes.join(", ")}, got ${quote(text)}`);
  return type;
}

/**
 * Reads a value of that type and normalises it: `2001:DB8:0::1` → `2001:db8::1`, a CNAME's target in
 * lower case without the final dot, always absolute. Throws Invalid on `field`.
 */
export function parseRecordValue(type: RecordType, text: string, field = "value"): RecordValue {
  switch (type) {
    case "A": {
      const octets = parseIpv4(text);
      if (octets === null) throw invalid(field, `an A record holds an IPv4 address like 192.0.2.1, got ${quote(text)}`);
      // Strict dotted decimal has one spelling.
      return { type, text, octets };
    }
    case "AAAA": {
      const octets = parseIpv6(text);
      if (octets === null) {
        throw invalid(field, `an AAAA record holds an IPv6 address like 2001:db8::1, got ${quote(text)}`);
      }
      return { type, text: formatIpv6(octets), octets };
    }
    case "CNAME": {
      const target = DomainName.parse(text, field);
      if (target.labels.length < 2 && !text.endsWith(".")) {
        // In a zone file this would be relative to the zone; here it would point at a top-level domain.
        throw invalid(field, `a CNAME's target is written in full, like www.example.org, got ${quote(text)}`);
      }
      if (target.labels[0] === "*") throw invalid(field, `a CNAME can't point to a wildcard, got ${quote(text)}`);
      return { type, text: target.text, target };
    }
  }
}

/** Seconds; 0 stands for the default. Throws Invalid on `field` beyond 31 bits. */
export function parseTtl(seconds: number, field = "ttl"): number {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > maxTtlSeconds) {
    throw invalid(field, `must be seconds from 0 to ${maxTtlSeconds}, got ${quote(seconds)}`);
  }
  return seconds === 0 ? defaultTtlSeconds : seconds;
}
