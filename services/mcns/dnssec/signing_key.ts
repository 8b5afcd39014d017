import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { fromBytes, type Octets } from "../domain/octets.ts";
import type { NewKey, StoredKey } from "../store/dnssec_key_store.ts";
import { type KeyAlgorithm, keyAlgorithms } from "./key_algorithm.ts";
import { dnskeyData, keyTag } from "./key_records.ts";

/** A key that can sign. Opens its secret at the first signature, and never shows it. */
export class SigningKey {
  /** Data of its DNSKEY record. */
  readonly dnskey: Octets;
  readonly tag: number;
  readonly #algorithm: KeyAlgorithm;
  readonly #open: () => Uint8Array<ArrayBuffer>;
  #private: KeyObject | null = null;
  #aside: Promise<CryptoKey> | null = null;

  /** @param open yields the PKCS #8 of the private key */
  constructor(
    { algorithm, role, publicKey }: Pick<StoredKey, "algorithm" | "role" | "publicKey">,
    open: () => Uint8Array<ArrayBuffer>,
  ) {
    this.#algorithm = keyAlgorithms[algorithm];
    this.dnskey = dnskeyData(role, this.#algorithm.number, publicKey);
    this.tag = keyTag(this.dnskey);
    this.#open = open;
  }

  get algorithm(): number {
    return this.#algorithm.number;
  }

  /** Signs at once. */
  sign(octets: Uint8Array): Octets {
    this.#private ??= createPrivateKey({ key: Buffer.from(this.#open()), format: "der", type: "pkcs8" });
    // RFC 6605 §4: r and s one after the other, not in DER.
    return fromBytes(sign(this.#algorithm.digest, octets, { key: this.#private, dsaEncoding: "ieee-p1363" }));
  }

  /** Signs in another thread. */
  async signAside(octets: Uint8Array<ArrayBuffer>): Promise<Octets> {
    this.#aside ??= crypto.subtle.importKey("pkcs8", this.#open(), this.#algorithm.importAs, false, ["sign"]);
    return fromBytes(new Uint8Array(await crypto.subtle.sign(this.#algorithm.signAs, await this.#aside, octets)));
  }

  toString(): string {
    return `DNSSEC key ${this.tag}`;
  }
}

/** A new key for a zone, to be stored. Its tag differs from those in `taken`, so that a signature names one key of the zone. */
export function newKey(
  { role, algorithm, state, until, taken }: Pick<NewKey, "role" | "algorithm" | "state" | "until"> & {
    taken: readonly number[];
  },
): NewKey {
  for (;;) {
    const key = keyAlgorithms[algorithm].generate();
    const publicKey = keyAlgorithms[algorithm].publicKey(createPublicKey(key).export({ format: "jwk" }) as JsonWebKey);
    const tag = keyTag(dnskeyData(role, keyAlgorithms[algorithm].number, publicKey));
    if (taken.includes(tag)) continue;
    const privateKey = new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
    return { role, algorithm, tag, publicKey, privateKey, state, until };
  }
}
