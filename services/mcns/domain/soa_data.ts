import { DomainName, labelsOfKey } from "./name.ts";
import { type Octets, u32At } from "./octets.ts";
import type { Soa } from "./soa.ts";

/** Reads an SOA record's data (RFC 1035 §3.3.13), names written out. */
export function readSoa(data: Octets): Soa {
  const afterName = (from: number): number => {
    let at = from;
    while (data.charCodeAt(at) > 0) at += data.charCodeAt(at) + 1;
    return at + 1;
  };
  const mailbox = afterName(0), numbers = afterName(mailbox);
  const name = (start: number, end: number) => DomainName.fromLabels(labelsOfKey(data.slice(start, end)), "soa");
  const [serial, refresh, retry, expire, minimum] = [0, 4, 8, 12, 16].map((at) => u32At(data, numbers + at)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { primaryNs: name(0, mailbox), mailbox: name(mailbox, numbers), serial, refresh, retry, expire, minimum };
}
