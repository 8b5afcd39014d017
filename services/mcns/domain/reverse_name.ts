import { DomainName } from "./name.ts";
import type { Octets } from "./octets.ts";

/**
 * The name whose PTR records say which host has the address: 192.0.2.1 is `1.2.0.192.in-addr.arpa` (RFC 1035 §3.5),
 * 2001:db8::1 is 32 nibbles below `ip6.arpa` (RFC 3596 §2.5), the last one first.
 * @param address 4 or 16 octets: the data of an A or AAAA record
 */
export function reverseName(address: Octets): DomainName {
  const octets = Array.from(address, (octet) => octet.charCodeAt(0)).reverse();
  const labels = octets.length === 4
    ? [...octets.map(String), "in-addr", "arpa"]
    : [...octets.flatMap((octet) => [(octet & 15).toString(16), (octet >> 4).toString(16)]), "ip6", "arpa"];
  return DomainName.fromLabels(labels, "address");
}
