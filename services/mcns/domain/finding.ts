import type { RecordSet } from "./record_set.ts";

/** What a zone has for a name and type: a view of its memory, to be read before anything in the zone changes. */
export interface Finding {
  readonly kind: FindingKind;
  /** The set that `kind` tells of; null for signatures, no_data and no_name. */
  readonly set: RecordSet | null;
  /** All sets at `owner`. */
  readonly sets: readonly RecordSet[];
  /** Where that is: the name itself, the wildcard, the zone cut, the DNAME. Of no_name: the closest encloser. */
  readonly owner: string;
  /** Whether a wildcard stands for the name (RFC 4592). The closest encloser is the name above `owner` then. */
  readonly wildcard: boolean;
}

export type FindingKind =
  /** `set` is what was asked for; for ANY it is one of them (RFC 8482). */
  | "records"
  /** RRSIG was asked for, and `sets` have some. */
  | "signatures"
  /** A CNAME where something else was asked: go on at its target. */
  | "cname"
  /** A DNAME above the name (RFC 6672). */
  | "dname"
  /** ALIAS where A or AAAA was asked, and there is none: look up those of its target. */
  | "alias"
  /** Somebody else has authority: `set` is the NS set at the zone cut. */
  | "delegation"
  /** The name exists, without that type (NODATA). */
  | "no_data"
  /** The name doesn't exist (NXDOMAIN). */
  | "no_name";
