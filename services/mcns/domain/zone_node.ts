/** The names of a zone as a tree, and what is found at one of them. */
import type { Finding, FindingKind } from "./finding.ts";
import type { Octets } from "./octets.ts";
import { hasSignaturesAt, nextSetAt, typeOfSetAt, unpackSetAt, unpackSets } from "./packed_sets.ts";
import { types } from "./rdata/record_type.ts";
import type { RecordSet } from "./record_set.ts";

/** A name of a zone: one with sets, or with names below it. */
export class Node {
  /** Key and sets (packed_sets.ts). */
  octets: Octets;
  readonly keyLength: number;
  /** Null for the apex. */
  readonly parent: Node | null;
  /** Nodes right below; with none and no sets the node goes. */
  children = 0;
  /** The `*` right below. */
  wildcard: Node | null = null;
  /** The type of the set that changes who answers: NS at a zone cut, DNAME for the names below; 0 for none. */
  turn = 0;

  constructor(key: string, parent: Node | null) {
    this.octets = key;
    this.keyLength = key.length;
    this.parent = parent;
  }

  get key(): string {
    return this.octets.slice(0, this.keyLength);
  }

  get hasSets(): boolean {
    return this.octets.length > this.keyLength;
  }
}

/** What was found at a node. Its other sets are unpacked when asked for. */
export class NodeFinding implements Finding {
  readonly kind: FindingKind;
  readonly set: RecordSet | null;
  readonly wildcard: boolean;
  readonly #node: Node;

  constructor(kind: FindingKind, set: RecordSet | null, node: Node, wildcard: boolean) {
    this.kind = kind;
    this.set = set;
    this.wildcard = wildcard;
    this.#node = node;
  }

  get owner(): string {
    return this.#node.key;
  }

  get sets(): readonly RecordSet[] {
    return unpackSets(this.#node.octets);
  }
}

/** What the sets at a node say to that type. */
export function pick(node: Node, type: number, wildcard: boolean): Finding {
  const { octets } = node;
  let cname = 0, alias = 0, isSigned = false;
  for (let at = node.keyLength; at < octets.length; at = nextSetAt(octets, at)) {
    const setType = typeOfSetAt(octets, at);
    if (setType === types.ALIAS) alias = at;
    else if (setType === type || type === types.ANY) {
      return new NodeFinding("records", unpackSetAt(octets, at), node, wildcard);
    } else if (setType === types.CNAME) cname = at;
    isSigned ||= hasSignaturesAt(octets, at);
  }
  if (type === types.RRSIG) return new NodeFinding(isSigned ? "signatures" : "no_data", null, node, wildcard);
  // RFC 4035 §2.5: beside a CNAME stand its own NSEC and signatures, so a question for NSEC is about this very name.
  if (cname > 0 && type !== types.NSEC) return new NodeFinding("cname", unpackSetAt(octets, cname), node, wildcard);
  if (alias > 0 && (type === types.A || type === types.AAAA)) {
    return new NodeFinding("alias", unpackSetAt(octets, alias), node, wildcard);
  }
  return new NodeFinding("no_data", null, node, wildcard);
}
