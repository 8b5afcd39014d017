import { invalid, quote } from "@lib/errors/mod.ts";
import { DomainName } from "./name.ts";
import { parseMailbox, parseSoaTimes, type SoaTimes } from "./soa.ts";

/** What a zone's SOA is made from, as callers give it. */
export interface ZoneSettings extends SoaTimes {
  primaryNs: string;
  /** Mail address or SOA form; kept as given. */
  adminEmail: string;
}

/**
 * Checks settings and fills in what is left out: primary_ns "" is `ns1.<zone>`, admin_email "" is
 * `hostmaster@<zone>`, a time of 0 its default (soa.ts). Throws Invalid.
 */
export function parseZoneSettings(zone: DomainName, given: ZoneSettings): ZoneSettings {
  const primaryNs = DomainName.parse(given.primaryNs || `ns1.${zone}`, "primary_ns").text;
  const adminEmail = given.adminEmail || `hostmaster@${zone}`;
  parseMailbox(adminEmail, "admin_email");
  return { primaryNs, adminEmail, ...parseSoaTimes(given) };
}

/** Reads a name that a zone can have: any but a wildcard. Throws Invalid on `field`. */
export function parseZoneName(text: string, field: string): DomainName {
  const name = DomainName.parse(text, field);
  if (name.labels[0] === "*") throw invalid(field, `a zone can't be a wildcard, got ${quote(text)}`);
  return name;
}
