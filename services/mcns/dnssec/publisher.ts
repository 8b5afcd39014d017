import type { DomainName } from "../domain/name.ts";
import type { Denial } from "../domain/signing_policy.ts";
import type { RecordSet, Zone } from "../domain/zone.ts";
import type { DnssecKeyStore, SignedZone } from "../store/dnssec_key_store.ts";
import type { ZonePublisher } from "../store/publisher.ts";
import { jobsOf, type PreparedSignatures, signAside } from "./bulk_signer.ts";
import { publishZone, shownDenial } from "./publish_zone.ts";
import { signNow } from "./signature.ts";
import { SigningKey } from "./signing_key.ts";
import { ZoneSigning } from "./zone_signing.ts";

/** What goes along with one publication that maintenance makes. */
export interface Extra {
  /** Names to be published anew. */
  readonly again?: Iterable<string>;
  readonly prepared?: PreparedSignatures;
  /** Other proofs than before are shown from now on. */
  readonly shown?: Denial;
}

/**
 * Signs changes as they are made. How a zone is signed it reads from the database each time (0.02 ms), inside the
 * transaction: so it sees the keys that this very transaction changes, and those of another process.
 */
export class DnssecPublisher implements ZonePublisher {
  readonly #store: DnssecKeyStore;
  /** By role and public key; opening one takes 0.5 ms. */
  readonly #keys = new Map<string, SigningKey>();
  #extra: { readonly zone: string; readonly extra: Extra } | null = null;

  constructor(store: DnssecKeyStore) {
    this.#store = store;
  }

  publish(
    before: Zone,
    plain: ReadonlyMap<string, readonly RecordSet[]>,
    at: number,
  ): ReadonlyMap<string, readonly RecordSet[]> {
    const signing = this.signingOf(before.name);
    if (signing === undefined) return plain;
    const extra = this.#extra?.zone === before.key ? this.#extra.extra : undefined;
    const now = signNow(before.key, signing.times, at);
    const signer = extra?.prepared?.before(now) ?? now;
    const { again = [], shown = shownDenial(before, signing) } = extra ?? {};
    return publishZone({ before, plain, again, signing, signer, at, shown });
  }

  async publishAside(
    before: Zone,
    plain: ReadonlyMap<string, readonly RecordSet[]>,
    at: number,
  ): Promise<ReadonlyMap<string, readonly RecordSet[]>> {
    const signing = this.signingOf(before.name);
    if (signing === undefined) return plain;
    const prepared = await signAside(jobsOf({ before, plain, signing, at }), { signing, at });
    return publishZone({ before, plain, signing, signer: prepared.before(signNow(before.key, signing.times, at)), at });
  }

  /** Runs `change`, which edits the zone; what it publishes takes `extra` along. */
  with<T>(zone: DomainName, extra: Extra, change: () => T): T {
    this.#extra = { zone: zone.key, extra };
    try {
      return change();
    } finally {
      this.#extra = null;
    }
  }

  /** How the zone is signed now; undefined when it isn't. */
  signingOf(zone: DomainName): ZoneSigning | undefined {
    const found = this.#store.find(zone);
    return found === undefined ? undefined : this.signingWith(zone, found);
  }

  /** How a zone is signed that stands in the store like that. */
  signingWith(zone: DomainName, { policy, phase, keys }: SignedZone): ZoneSigning {
    return new ZoneSigning(
      zone.key,
      policy,
      phase,
      keys.map((key) => {
        const id = `${key.role} ${key.algorithm} ${key.publicKey}`;
        let signing = this.#keys.get(id);
        if (signing === undefined) {
          signing = new SigningKey(key, () => this.#store.privateKey(key));
          this.#keys.set(id, signing);
        }
        return { ...key, signing };
      }),
    );
  }
}
