/** The names of a zone as a tree, and what is found at one of them. */
import type { Finding, FindingKind } from "./finding.ts";
import { fromBytes, type Octets } from "./octets.ts";
import { hasSignaturesAt, nextSetAt, PackedSet, putU32, typeOfSetAt, u32, unpackSets } from "./packed_sets.ts";
import { types } from "./rdata/record_type.ts";
import type { RecordSet } from "./record_set.ts";

/**
 * A name of a zone, where its octets are: one with sets, or with names below it. It is a view of a NodeTable's entry, made
 * anew by each look, and nothing once the table has changed.
 *
 *     octets of all 2 | key's length 1, key without the zone's | names below 4 | sets (packed_sets.ts)
 */
export class Node {
  readonly bytes: Uint8Array;
  /** Where its sets start and end. */
  readonly setsAt: number;
  readonly end: number;
  readonly #at: number;
  readonly #zone: Octets;

  /** @param zone the key that all keys of the table end with */
  constructor(bytes: Uint8Array, at: number, end: number, zone: Octets) {
    this.bytes = bytes;
    this.setsAt = at + beforeKey + bytes[at + 2]! + afterKey;
    this.end = end;
    this.#at = at;
    this.#zone = zone;
  }

  get key(): string {
    return fromBytes(this.bytes, this.#at + beforeKey, this.setsAt - afterKey) + this.#zone;
  }

  get hasSets(): boolean {
    return this.end > this.setsAt;
  }

  /** Names right below; with none and no sets the node goes. */
  get children(): number {
    return this.below >>> 1;
  }

  /** Whether the `*` is one of them. */
  get hasWildcard(): boolean {
    return (this.below & 1) === 1;
  }

  /** Both in one number. */
  get below(): number {
    return u32(this.bytes, this.setsAt - afterKey);
  }

  /** Notes that a name right below has come (1) or gone (-1). */
  countChild(change: 1 | -1, isWildcard: boolean): void {
    putU32(this.bytes, this.setsAt - afterKey, this.below + 2 * change + (isWildcard ? change : 0));
  }

  /** The type of the set that changes who answers: NS at a zone cut, DNAME for the names below; 0 for none. */
  turn(isApex: boolean): number {
    let turn = 0;
    for (let at = this.setsAt; at < this.end; at = nextSetAt(this.bytes, at)) {
      const type = typeOfSetAt(this.bytes, at);
      if (type === types.NS && !isApex) return type;
      if (type === types.DNAME) turn = type;
    }
    return turn;
  }

  setOf(type: number): PackedSet | undefined {
    for (let at = this.setsAt; at < this.end; at = nextSetAt(this.bytes, at)) {
      if (typeOfSetAt(this.bytes, at) === type) return new PackedSet(this.bytes, at);
    }
    return undefined;
  }

  /** All of them, unpacked: they stay as they are. */
  get sets(): RecordSet[] {
    return unpackSets(this.bytes, this.setsAt, this.end);
  }
}

/** Octets of a node before its key, and between that and its sets. */
export const beforeKey = 3;
export const afterKey = 4;

/** What was found at a node. Its other sets are unpacked when asked for. */
export class NodeFinding implements Finding {
  readonly kind: FindingKind;
  readonly set: PackedSet | null;
  readonly wildcard: boolean;
  readonly #node: Node;

  constructor(kind: FindingKind, set: PackedSet | null, node: Node, wildcard: boolean) {
    this.kind = kind;
    this.set = set;
    this.wildcard = wildcard;
    this.#node = node;
  }

  get owner(): string {
    return this.#node.key;
  }

  get sets(): readonly RecordSet[] {
    return this.#node.sets;
  }
}

/** What the sets at a node say to that type. */
export function pick(node: Node, type: number, wildcard: boolean): Finding {
  const { bytes, end } = node;
  let cname = 0, alias = 0, isSigned = false;
  for (let at = node.setsAt; at < end; at = nextSetAt(bytes, at)) {
    const setType = typeOfSetAt(bytes, at);
    if (setType === types.ALIAS) alias = at;
    else if (setType === type || type === types.ANY) {
      return new NodeFinding("records", new PackedSet(bytes, at), node, wildcard);
    } else if (setType === types.CNAME) cname = at;
    isSigned ||= hasSignaturesAt(bytes, at);
  }
  if (type === types.RRSIG) return new NodeFinding(isSigned ? "signatures" : "no_data", null, node, wildcard);
  // RFC 4035 §2.5: beside a CNAME stand its own NSEC and signatures, so a question for NSEC is about this very name.
  if (cname > 0 && type !== types.NSEC) return new NodeFinding("cname", new PackedSet(bytes, cname), node, wildcard);
  if (alias > 0 && (type === types.A || type === types.AAAA)) {
    return new NodeFinding("alias", new PackedSet(bytes, alias), node, wildcard);
  }
  return new NodeFinding("no_data", null, node, wildcard);
}
