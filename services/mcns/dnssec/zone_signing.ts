import { delegatedKeys, type KeyLife, recordSigner, type SigningPhase, signsKeys } from "../domain/key_rollover.ts";
import { types } from "../domain/rdata/record_type.ts";
import { type Denial, type SignatureTimes, signatureTimes, type SigningPolicy } from "../domain/signing_policy.ts";
import type { RecordSet } from "../domain/zone.ts";
import { deleteCdnskey, deleteCds, dsData } from "./key_records.ts";
import type { SigningKey } from "./signing_key.ts";
import { nsec3Front } from "./nsec3.ts";

/** A key that can sign, and where in its life it is. */
export interface ZoneKey extends KeyLife {
  readonly signing: SigningKey;
}

/** How a zone is signed at one moment: which sets are added, and by which keys each set is signed. */
export class ZoneSigning {
  readonly zone: string;
  readonly policy: SigningPolicy;
  readonly phase: SigningPhase;
  readonly keys: readonly ZoneKey[];
  readonly times: SignatureTimes;
  readonly #recordKeys: readonly SigningKey[];
  readonly #keyKeys: readonly SigningKey[];

  constructor(zone: string, policy: SigningPolicy, phase: SigningPhase, keys: readonly ZoneKey[]) {
    this.zone = zone;
    this.policy = policy;
    this.phase = phase;
    this.keys = keys;
    this.times = signatureTimes(policy);
    const signer = recordSigner(keys);
    this.#recordKeys = signer === undefined ? [] : [signer.signing];
    this.#keyKeys = keys.filter(({ role }) => signsKeys(role)).map(({ signing }) => signing);
  }

  /** Who signs sets of that type. */
  signersOf(type: number): readonly SigningKey[] {
    // RFC 7344 §4.1: CDS and CDNSKEY by keys that the parent's DS names, as the keys themselves.
    const isAboutKeys = type === types.DNSKEY || type === types.CDS || type === types.CDNSKEY;
    return isAboutKeys ? this.#keyKeys : this.#recordKeys;
  }

  /** The sets that signing adds at the apex, but for its NSEC, unsigned. `shown`: the proofs that answers are given. */
  apexSets(ttlSeconds: number, shown: Denial): RecordSet[] {
    if (this.phase === "building" || this.phase === "removing") return [];
    const set = (type: number, data: string[], ttl = ttlSeconds): RecordSet[] =>
      data.length === 0 ? [] : [{ type, ttlSeconds: ttl, data: data.toSorted(), signatures: [] }];
    const delegated = delegatedKeys(this.phase, this.keys).map(({ signing }) => signing.dnskey);
    const leaves = this.phase === "leaving";
    return [
      ...set(types.DNSKEY, this.keys.map(({ signing }) => signing.dnskey)),
      ...set(types.CDS, leaves ? [deleteCds] : delegated.map((dnskey) => dsData(this.zone, dnskey, 2))),
      ...set(types.CDNSKEY, leaves ? [deleteCdnskey] : delegated),
      // For the zone's own servers, not for resolvers (RFC 5155 §4): nobody needs to keep it.
      ...(shown === "nsec3" ? set(types.NSEC3PARAM, [nsec3Front], 0) : []),
    ];
  }
}
