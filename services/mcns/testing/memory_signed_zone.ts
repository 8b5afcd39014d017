/** A zone that is signed in memory: what a publication does, without a database. */
import type { KeyLife, KeyRole, SigningPhase } from "../domain/key_rollover.ts";
import { types } from "../domain/rdata/record_type.ts";
import { readSoa, soaData } from "../domain/rdata/record_data.ts";
import { RecordName } from "../domain/record_name.ts";
import { defaultSigningPolicy, type Denial, type SigningPolicy } from "../domain/signing_policy.ts";
import { type RecordSet, Zone } from "../domain/zone.ts";
import { formatZoneFile } from "../domain/zone_file/format_zone_file.ts";
import { plainSets } from "../dnssec/changed_zone.ts";
import { publishZone } from "../dnssec/publish_zone.ts";
import { type SetSigner, type SigningJob, signNow } from "../dnssec/signature.ts";
import { newKey, SigningKey } from "../dnssec/signing_key.ts";
import { type ZoneKey, ZoneSigning } from "../dnssec/zone_signing.ts";
import { recordsOf } from "../store/published.ts";
import { zoneOf } from "./zone_text.ts";

/** Keys in memory: a CSK, or with `splitKeys` a KSK and a ZSK. */
export function zoneKeys(policy: SigningPolicy, change: Partial<KeyLife> = {}): ZoneKey[] {
  const roles: KeyRole[] = policy.splitKeys ? ["ksk", "zsk"] : ["csk"];
  return roles.map((role, i): ZoneKey => {
    const key = newKey({ role, algorithm: policy.algorithm, state: "active", until: null, taken: [] });
    return {
      id: i + 1,
      tag: key.tag,
      role,
      state: "active",
      stateSince: 0,
      activeAt: 0,
      until: null,
      isReplaced: false,
      isCompromised: false,
      signing: new SigningKey(key, () => new Uint8Array(key.privateKey)),
      ...change,
    };
  });
}

export class MemorySignedZone {
  /** As published. */
  readonly zone: Zone;
  signing: ZoneSigning;
  /** Signatures that the last publication made: "A www.example.org". */
  signed: SigningJob[] = [];
  /** What stands at names that the last publication changed. */
  changed: ReadonlyMap<string, readonly RecordSet[]> = new Map();
  readonly #clock: () => number;

  /** Signs the zone of these lines of a zone file. `at`: ms since the epoch. */
  constructor(origin: string, lines: readonly string[], policy: Partial<SigningPolicy>, clock: () => number) {
    this.#clock = clock;
    this.zone = zoneOf(origin, lines);
    const whole: SigningPolicy = { ...defaultSigningPolicy, ...policy };
    this.signing = new ZoneSigning(this.zone.key, whole, "signed", zoneKeys(whole));
    this.publish(new Map(), this.zone.canonicalNames());
  }

  /** Takes another policy, phase or keys; the next publication goes by it. */
  sign(change: { policy?: Partial<SigningPolicy>; phase?: SigningPhase; keys?: readonly ZoneKey[] }): void {
    const { zone, policy, phase, keys } = this.signing;
    this.signing = new ZoneSigning(zone, { ...policy, ...change.policy }, change.phase ?? phase, change.keys ?? keys);
  }

  /** Publishes names with these plain sets, and raises the serial. */
  publish(plain: ReadonlyMap<string, readonly RecordSet[]>, again: Iterable<string> = [], shown?: Denial): void {
    const { key } = this.zone;
    const apex = plain.get(key) ?? plainSets(this.zone.setsAt(key));
    const withSoa = apex.map((set) => {
      if (set.type !== types.SOA) return set;
      const soa = readSoa(set.data[0]!);
      return { ...set, data: [soaData({ ...soa, serial: soa.serial + 1 })] };
    });
    const at = this.#clock();
    const now = signNow(key, this.signing.times, at);
    this.signed = [];
    const signer: SetSigner = {
      sign: (job) => {
        this.signed.push(job);
        return now.sign(job);
      },
    };
    this.changed = publishZone({
      before: this.zone,
      plain: new Map([...plain, [key, withSoa]]),
      again,
      signing: this.signing,
      signer,
      at,
      ...(shown === undefined ? {} : { shown }),
    });
    for (const [name, sets] of this.changed) this.zone.replaceSets(name, sets);
  }

  /** Makes the names' records these. `lines` as in a zone file; a name alone has none. */
  put(...lines: string[]): void {
    const { name } = this.zone;
    const plain = new Map<string, RecordSet[]>();
    const records: string[] = [];
    for (const line of lines) {
      if (line.includes(" ")) records.push(line);
      else plain.set(RecordName.parse(line, name).absolute.key, []);
    }
    const parsed = zoneOf(name.text, records);
    for (const key of parsed.names()) if (key !== name.key) plain.set(key, [...parsed.setsAt(key)]);
    this.publish(plain);
  }

  /** The unsigned sets, as they were written. */
  plain(): Map<string, RecordSet[]> {
    const names = new Map<string, RecordSet[]>();
    for (const key of this.zone.names()) {
      const sets = plainSets(this.zone.setsAt(key));
      if (sets.length > 0) names.set(key, sets);
    }
    return names;
  }

  /** The same records signed from nothing, by the same keys. */
  fromScratch(): Zone {
    const plain = this.plain();
    const fresh = new Zone(this.zone.name);
    for (const [key, sets] of plain) fresh.replaceSets(key, sets);
    const at = this.#clock();
    const signer = signNow(this.zone.key, this.signing.times, at);
    for (const [key, sets] of publishZone({ before: fresh, plain, signing: this.signing, signer, at })) {
      fresh.replaceSets(key, sets);
    }
    return fresh;
  }

  text(): string {
    const { zone } = this;
    return formatZoneFile(zone.name, [...zone.names()].flatMap((key) => recordsOf(key, zone.setsAt(key))));
  }
}

/** A zone's structure: each set with its records and how many signatures it bears, sorted. */
export function structureOf(zone: Zone): string[] {
  const lines: string[] = [];
  for (const key of zone.names()) {
    for (const { type, ttlSeconds, data, signatures } of zone.setsAt(key)) {
      lines.push(JSON.stringify([key, type, ttlSeconds, data, signatures.length]));
    }
  }
  return lines.sort();
}
