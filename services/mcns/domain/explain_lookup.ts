/** Says in words how an answer from our zones comes about: the same steps as the lookup takes, with the reason of each. */
import { maxLinks, redirected } from "./chain.ts";
import { parentKey, rootKey, textOfKey } from "./name.ts";
import { types, typeText } from "./rdata/record_type.ts";
import type { Finding, Zone } from "./zone.ts";
import type { ZoneDirectory } from "./zone_directory.ts";

export interface LookupExplanation {
  /** The zone that the question falls into; null when it is none of ours. */
  readonly zone: Zone | null;
  readonly steps: readonly string[];
  /** The name at which our zones end and others have to be asked; null when the answer is ours alone. */
  readonly leftAt: string | null;
}

/** @param key of the name asked for */
export function explainLookup(zones: ZoneDirectory, key: string, type: number): LookupExplanation {
  const steps: string[] = [];
  const first = zoneOf(zones, key, type);
  if (first === undefined) {
    return { zone: null, steps: [`no zone here has ${textOfKey(key)}`], leftAt: key };
  }
  let zone: Zone | undefined = first, at: string | null = key;
  for (let step = 0; step < maxLinks && at !== null; step++) {
    if (zone === undefined) {
      steps.push(`no zone here has ${textOfKey(at)}: others are asked for it`);
      return { zone: first, steps, leftAt: at };
    }
    if (!zone.isAnswerable) {
      steps.push(`zone ${zone.name} is not loaded yet, or has expired: SERVFAIL until a primary has sent it`);
      return { zone: first, steps, leftAt: null };
    }
    if (step === 0 || zone !== first) {
      steps.push(`zone ${zone.name} (serial ${zone.serial}) is the deepest one here with ${textOfKey(at)}`);
    }
    const finding = zone.find(at, type);
    const { text, next } = tell(zone, at, type, finding);
    steps.push(text);
    at = next;
    zone = at === null ? undefined : zoneOf(zones, at, type);
  }
  if (first.isSigned) steps.push(`zone ${first.name} is signed: who asks for DNSSEC gets signatures and proofs`);
  return { zone: first, steps, leftAt: null };
}

/**
 * RFC 4035 §3.1.4.1: the DS of a zone's own name is in the zone above; where that has no such cut, the zone speaks for
 * itself, as a denial from above would deny everything below the name (RFC 8020).
 */
function zoneOf(zones: ZoneDirectory, key: string, type: number): Zone | undefined {
  const zone = zones.zoneFor(key);
  if (type !== types.DS || zone?.key !== key || key === rootKey) return zone;
  const above = zones.zoneFor(parentKey(key));
  if (above === undefined || !above.isAnswerable) return zone;
  return above.find(key, type).kind === "no_name" ? zone : above;
}

function tell(zone: Zone, key: string, type: number, finding: Finding): { text: string; next: string | null } {
  const name = textOfKey(key), owner = textOfKey(finding.owner);
  const wildcard = finding.wildcard ? `no record has that name, and wildcard ${owner} stands for it: ` : "";
  const { set } = finding;
  switch (finding.kind) {
    case "records":
    case "signatures":
      return { text: `${wildcard}${finding.wildcard ? "it" : name} has ${setText(finding, type)}`, next: null };
    case "cname": {
      const target = set!.data[0]!;
      return { text: `${wildcard}${owner} is a CNAME: go on at ${textOfKey(target)}`, next: target };
    }
    case "dname": {
      const target = redirected(key, finding.owner, set!.data[0]!);
      if (target === null) {
        return { text: `${owner} has a DNAME, which makes ${name} too long for a name: YXDOMAIN`, next: null };
      }
      return { text: `${owner} has a DNAME, which turns ${name} into ${textOfKey(target)}`, next: target };
    }
    case "alias": {
      const target = set!.data[0]!;
      return {
        text: `${wildcard}${owner} has an ALIAS: the addresses of ${textOfKey(target)} are answered as its own`,
        next: target,
      };
    }
    case "delegation": {
      const servers = set!.data.map(textOfKey).join(", ");
      return { text: `${owner} is delegated: the answer refers to ${servers}`, next: null };
    }
    case "no_data": {
      const others = finding.sets.map((one) => typeText(one.type)).join(", ") || "only names below it";
      return {
        text: `${wildcard}${finding.wildcard ? "it" : name} has no ${
          typeText(type)
        } (it has ${others}): NODATA, which may be kept for ${zone.negativeTtlSeconds} s`,
        next: null,
      };
    }
    case "no_name":
      return {
        text:
          `${name} doesn't exist (nearest is ${owner}): NXDOMAIN, which may be kept for ${zone.negativeTtlSeconds} s`,
        next: null,
      };
  }
}

function setText({ kind, set, sets }: Finding, type: number): string {
  if (kind === "signatures") return "signatures";
  if (type === types.ANY) {
    return `${sets.map((one) => typeText(one.type)).join(", ")}, of which one is answered (RFC 8482)`;
  }
  const count = set!.data.length;
  return `${count} ${typeText(set!.type)} record${count === 1 ? "" : "s"} with a TTL of ${set!.ttlSeconds} s`;
}
