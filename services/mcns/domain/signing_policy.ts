/** How a zone is signed: what an operator chooses, with its defaults and limits, and the margins that follow from it. */
import { invalid, quote } from "@lib/errors/mod.ts";

/** The algorithms that zones are signed with, by the numbers in their records (RFC 6605, RFC 8080). */
export const signingAlgorithms = { ecdsap256sha256: 13, ed25519: 15 } as const;
export type AlgorithmName = keyof typeof signingAlgorithms;

/** Which proofs say that something isn't there: NSEC lets everybody list the zone's names, NSEC3 only guess them. */
export type Denial = "nsec" | "nsec3";

/** How a zone is signed; durations in seconds. */
export interface SigningPolicy {
  readonly algorithm: AlgorithmName;
  readonly denial: Denial;
  /** A KSK, which the parent's DS names, and a ZSK for the records, instead of one key for both (CSK). */
  readonly splitKeys: boolean;
  /** How long a signature is good for at most. */
  readonly signatureSeconds: number;
  /** After how long a ZSK is replaced. */
  readonly zskLifetimeSeconds: number;
  /** After how long a KSK or CSK is replaced; 0: when somebody asks, because the parent's DS must be changed then. */
  readonly kskLifetimeSeconds: number;
  /** How long after a change every server of the zone has it. */
  readonly propagationSeconds: number;
  /** TTL of the DS records at the parent. */
  readonly dsTtlSeconds: number;
}

const daySeconds = 86_400;

export const defaultSigningPolicy: SigningPolicy = {
  // The one that every validator knows (RFC 8624 §3.1), and whose answers are small.
  algorithm: "ecdsap256sha256",
  denial: "nsec",
  splitKeys: false,
  signatureSeconds: 14 * daySeconds,
  zskLifetimeSeconds: 90 * daySeconds,
  kskLifetimeSeconds: 0,
  propagationSeconds: 3600,
  // What the large registries use; the common longest one.
  dsTtlSeconds: daySeconds,
};

type Seconds = { [K in keyof SigningPolicy as K extends `${string}Seconds` ? K : never]: SigningPolicy[K] };

/** Field, its name in the API, least and most seconds. */
const limits: readonly [keyof Seconds, field: string, min: number, max: number][] = [
  // A minute lets a test see signatures end; a year is what offline signers use at most.
  ["signatureSeconds", "signature_seconds", 60, 366 * daySeconds],
  ["zskLifetimeSeconds", "zsk_lifetime_seconds", 10, 3660 * daySeconds],
  ["kskLifetimeSeconds", "ksk_lifetime_seconds", 10, 3660 * daySeconds],
  ["propagationSeconds", "propagation_seconds", 1, 30 * daySeconds],
  ["dsTtlSeconds", "ds_ttl_seconds", 1, 30 * daySeconds],
];

/** Fills in the defaults for durations of 0 and checks the others. Throws Invalid. */
export function parseSigningPolicy(given: SigningPolicy): SigningPolicy {
  const policy: { -readonly [K in keyof SigningPolicy]: SigningPolicy[K] } = { ...given };
  for (const [key, field, min, max] of limits) {
    policy[key] ||= defaultSigningPolicy[key];
    const seconds = policy[key];
    if (seconds !== 0 && (!Number.isInteger(seconds) || seconds < min || seconds > max)) {
      throw invalid(field, `must be seconds from ${min} to ${max}, or 0 for the default, got ${quote(seconds)}`);
    }
  }
  return policy;
}

/** The times of the signatures under a policy, in seconds. */
export interface SignatureTimes {
  /** Signatures start so long before they are made: validators' clocks go wrong. */
  readonly headStart: number;
  /** They end between `lifetime - jitter` and `lifetime` from now, so that not all of a zone falls due at once. */
  readonly lifetime: number;
  readonly jitter: number;
  /** With less than this left they are made anew. */
  readonly refresh: number;
  /** With less than this left something is stuck. */
  readonly alarm: number;
}

/**
 * Of 14 days: 2 days of jitter, anew with 5 days left, alarm with 2. So a secondary that has heard nothing for a zone's
 * usual expiry of up to 5 days still has good signatures, and an operator has 3 days to notice, then 2 to mend.
 */
export function signatureTimes({ signatureSeconds }: SigningPolicy): SignatureTimes {
  const fortnights = (days: number) => Math.ceil(signatureSeconds * days / 14);
  return {
    headStart: 3600,
    lifetime: signatureSeconds,
    jitter: fortnights(2),
    refresh: fortnights(5),
    alarm: fortnights(2),
  };
}

/** The action of a change that only makes signatures anew: it raises the serial, and leaves no history. */
export const renewal = "dnssec.renew";
