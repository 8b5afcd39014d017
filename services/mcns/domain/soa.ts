/** A zone's settings: what its SOA and NS records are made from (RFC 1035 §3.3.13). */
import { invalid, quote } from "@lib/errors/mod.ts";
import { DomainName, labelsOfKey, parentKey, textOfKey } from "./name.ts";
import { readKey } from "./name_text.ts";

/** The SOA's content. Times in seconds. */
export interface Soa {
  primaryNs: DomainName;
  /** The mailbox as a name: the local part is the first label (RFC 1035 §8). */
  mailbox: DomainName;
  serial: number;
  /** How often a secondary asks for the serial. */
  refresh: number;
  /** How soon it asks again when that failed. */
  retry: number;
  /** When it stops answering without having heard from us. */
  expire: number;
  /** How long a "no such name" may be cached (RFC 2308 §4). */
  minimum: number;
}

/** The four times of a zone; those that are 0 stand for their default. */
export type SoaTimes = Pick<Soa, "refresh" | "retry" | "expire" | "minimum">;

/** Seconds. Hourly refresh; a week without us; five minutes for a name that isn't there yet. */
export const defaultSoaTimes: SoaTimes = { refresh: 3600, retry: 600, expire: 604_800, minimum: 300 };

/** TTL of the SOA and NS records in seconds; also the upper bound of the negative TTL (RFC 2308 §3). */
export const apexTtlSeconds = 3600;

const maxSeconds = 2 ** 31 - 1;

/** Fills in the defaults for zeros and checks the times against each other. Throws Invalid. */
export function parseSoaTimes(given: SoaTimes): SoaTimes {
  const times: SoaTimes = {
    refresh: given.refresh || defaultSoaTimes.refresh,
    retry: given.retry || defaultSoaTimes.retry,
    expire: given.expire || defaultSoaTimes.expire,
    minimum: given.minimum || defaultSoaTimes.minimum,
  };
  for (const [field, value] of Object.entries(times)) {
    if (value > maxSeconds) throw invalid(field, `must be at most ${maxSeconds} seconds, got ${quote(value)}`);
  }
  // RFC 1912 §2.2: a secondary that expires a zone before it retries would stop answering at the first hiccup.
  if (times.expire <= times.refresh + times.retry) {
    throw invalid(
      "expire",
      `must be more than refresh + retry (${times.refresh + times.retry} seconds), got ${quote(times.expire)}`,
    );
  }
  return times;
}

/**
 * Reads "john.doe@example.org" or the SOA form "john\.doe.example.org" / "hostmaster.example.org".
 * Throws Invalid on `field`.
 */
export function parseMailbox(text: string, field = "admin_email"): DomainName {
  const at = text.lastIndexOf("@");
  const [local, domain] = at >= 0 ? [text.slice(0, at), text.slice(at + 1)] : splitSoaForm(text, field);
  // The characters of an unquoted local part (RFC 5322 dot-atom).
  if (!/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(local) || local.length > 63) {
    throw invalid(field, `must be a mail address like hostmaster@example.org, got ${quote(text)}`);
  }
  return DomainName.fromLabels([local, ...DomainName.parse(domain, field).labels], field);
}

/** The first label, its escapes taken out, and the rest. */
function splitSoaForm(text: string, field: string): [string, string] {
  const key = readKey(text, (message) => invalid(field, message), { anyCharacters: true, keepCase: true });
  return [labelsOfKey(key)[0] ?? "", textOfKey(parentKey(key))];
}
