/**
 * A zone as answers need it: every name with its record sets, in memory.
 *
 * Names are kept by key (name.ts) in a table; a name without records but with names below it is a node too (an empty
 * non-terminal, RFC 8020). Each node knows the one above it, so a lookup finds the closest existing name by table and
 * goes up from there by reference, past zone cuts (NS) and redirections (DNAME), of which the topmost counts.
 * NSEC3 records stand apart: their hashed owners are no names of the zone (RFC 5155 §7.2.8).
 */
import { LookupName } from "./lookup_name.ts";
import { type DomainName, parentKey } from "./name.ts";
import { NameTable } from "./name_table.ts";
import type { Octets } from "./octets.ts";
import { OrderedNames } from "./ordered_names.ts";
import { readSoa } from "./rdata/record_data.ts";
import { types } from "./rdata/record_type.ts";
import type { Soa } from "./soa.ts";

/** All records of one type at one name. They share a TTL (RFC 2181 §5.2). */
export interface RecordSet {
  readonly type: number;
  readonly ttlSeconds: number;
  /** In canonical order (RFC 4034 §6.3), without duplicates; names in them lower case and written out. */
  readonly data: readonly Octets[];
  /** RRSIG data over this set; none in an unsigned zone. */
  readonly signatures: readonly Octets[];
}

/** What a zone has for a name and type. */
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

/** What the zone's NSEC3 records are made with (RFC 5155 §3.1). */
export interface Nsec3Parameters {
  readonly algorithm: number;
  readonly iterations: number;
  readonly salt: Octets;
}

/** A set and the name that it stands at. */
export interface OwnedSet {
  readonly owner: string;
  readonly set: RecordSet;
}

class Node {
  readonly key: string;
  /** Null for the apex. */
  readonly parent: Node | null;
  sets: readonly RecordSet[] = noSets;
  /** Nodes right below; with none and no sets the node goes. */
  children = 0;
  /** The `*` right below. */
  wildcard: Node | null = null;
  /** The set that changes who answers: the NS set of a zone cut, or a DNAME for the names below. */
  turn: RecordSet | null = null;

  constructor(key: string, parent: Node | null) {
    this.key = key;
    this.parent = parent;
  }
}

/** A set by itself, under its owner. */
interface HashedOwner {
  readonly key: string;
  readonly sets: readonly RecordSet[];
}

const noSets: readonly RecordSet[] = [];
const wildcardLabel = "\x01*";

/** One zone. Built from the store, changed by name as commits happen. */
export class Zone {
  readonly name: DomainName;
  /** Of the name. */
  readonly key: string;
  readonly #nodes = new NameTable<Node>();
  readonly #apex: Node;
  readonly #hashed = new NameTable<HashedOwner>();
  readonly #hashedOrder = new OrderedNames();
  readonly #nsecOrder = new OrderedNames();
  /** Null until somebody asks. */
  #order: OrderedNames | null = null;
  #soa: { readonly set: RecordSet; readonly value: Soa } | null = null;
  #nsec3: Nsec3Parameters | null = null;
  #lookup = new LookupName();

  /** Without any record: not answerable until an SOA set has been put at the apex. */
  constructor(name: DomainName) {
    this.name = name;
    this.key = name.key;
    this.#apex = new Node(name.key, null);
    this.#nodes.put(this.#apex);
  }

  /** Whether the zone has its SOA; without it nothing can be answered. */
  get isAnswerable(): boolean {
    return this.#soa !== null;
  }

  /** From the apex's SOA set. Throws before there is one. */
  get soa(): Soa {
    return this.#theSoa.value;
  }

  get serial(): number {
    return this.#theSoa.value.serial;
  }

  get soaSet(): RecordSet {
    return this.#theSoa.set;
  }

  /** Seconds that "no such name" and "no such type" may be kept (RFC 2308 §5). */
  get negativeTtlSeconds(): number {
    return Math.min(this.#theSoa.value.minimum, this.#theSoa.set.ttlSeconds);
  }

  /** Whether the zone has keys, and signatures over them. */
  get isSigned(): boolean {
    return this.#apex.sets.some(({ type, signatures }) => type === types.DNSKEY && signatures.length > 0);
  }

  /** Null for a zone with NSEC, or not signed. */
  get nsec3(): Nsec3Parameters | null {
    return this.#nsec3;
  }

  /** How many names have records or names below them. */
  get size(): number {
    return this.#nodes.size;
  }

  /** All sets at that name, also below a zone cut (glue); none where it doesn't exist. */
  setsAt(key: string): readonly RecordSet[] {
    const sets = this.#nodes.getByKey(key)?.sets ?? noSets;
    if (this.#hashed.size === 0) return sets;
    const hashed = this.#hashed.getByKey(key)?.sets;
    return hashed === undefined ? sets : [...sets, ...hashed];
  }

  /**
   * Makes `sets` all that stands at that name, which is the zone's or below it; none removes the name, and what stood
   * empty above it.
   */
  replaceSets(key: string, sets: readonly RecordSet[]): void {
    this.#replaceHashed(key, sets.filter(({ type }) => type === types.NSEC3));
    this.#replacePlain(key, sets.filter(({ type }) => type !== types.NSEC3));
    if (key === this.key) this.#readApex();
  }

  /** Every owner with sets, NSEC3 owners too, in no order. */
  *names(): IterableIterator<string> {
    for (const { key, sets } of this.#nodes) if (sets.length > 0) yield key;
    for (const { key } of this.#hashed) if (this.#nodes.getByKey(key) === undefined) yield key;
  }

  /** Owners with sets in canonical order (RFC 4034 §6.1), without those of NSEC3. Sorted at the first call, then kept up. */
  canonicalNames(): readonly string[] {
    if (this.#order === null) {
      this.#order = new OrderedNames();
      for (const { key, sets } of this.#nodes) if (sets.length > 0) this.#order.add(key);
    }
    return this.#order.keys;
  }

  /** What there is for the name and type. `key` is of a name at or below the zone's. */
  find(key: string, type: number): Finding {
    return this.findName(this.#lookup.set(key), type);
  }

  /** As `find`, for a name at or below the zone's (RFC 1034 §4.3.2, RFC 4592, RFC 6672 §3.2). */
  findName(name: LookupName, type: number): Finding {
    const node = this.#nodes.get(name, 0);
    let nearest = node;
    for (let label = 1; nearest === undefined; label++) {
      if (label > name.labels) throw new Error(`zone ${this.name} was asked for a name outside it`);
      nearest = this.#nodes.get(name, label);
    }
    let turn: Node | null = null;
    for (let at: Node | null = nearest; at !== null; at = at.parent) {
      // A DNAME turns the names below it, not its own; a zone cut also its own.
      if (at.turn !== null && (at !== node || at.turn.type === types.NS)) turn = at;
    }
    if (turn !== null) {
      if (turn.turn!.type === types.DNAME) return found("dname", turn.turn, turn, false);
      // RFC 4035 §3.1.4.1: the DS at the cut is ours.
      if (turn !== node || type !== types.DS) return found("delegation", turn.turn, turn, false);
    }
    if (node !== undefined) return pick(node, type, false);
    // RFC 4592 §3.3.1: the wildcard right below the closest encloser.
    if (nearest.wildcard !== null) return pick(nearest.wildcard, type, true);
    return found("no_name", null, nearest, false);
  }

  /** The NSEC set whose owner is `key` or the last one before it: it matches or covers that name. Null when there is none. */
  nsecFor(key: string): OwnedSet | null {
    const owner = this.#nsecOrder.keys[this.#nsecOrder.indexAtOrBefore(key)];
    const set = owner === undefined ? undefined : setOf(this.setsAt(owner), types.NSEC);
    return set === undefined ? null : { owner: owner!, set };
  }

  /** The NSEC3 set at exactly that hashed owner. */
  nsec3At(owner: string): OwnedSet | null {
    const set = this.#hashed.getByKey(owner)?.sets[0];
    return set === undefined ? null : { owner, set };
  }

  /** The NSEC3 set whose owner is the last one before that hashed owner, in a ring (RFC 5155 §1.3); null when there is none. */
  nsec3Covering(owner: string): OwnedSet | null {
    const { keys } = this.#hashedOrder;
    const before = keys[this.#hashedOrder.indexAtOrBefore(owner)] ?? keys.at(-1);
    return before === undefined ? null : this.nsec3At(before);
  }

  get #theSoa(): { readonly set: RecordSet; readonly value: Soa } {
    if (this.#soa === null) throw new Error(`zone ${this.name} has no SOA yet`);
    return this.#soa;
  }

  #readApex(): void {
    const soa = setOf(this.#apex.sets, types.SOA);
    const data = soa?.data[0];
    this.#soa = soa === undefined || data === undefined ? null : { set: soa, value: readSoa(data) };
    const parameters = setOf(this.#apex.sets, types.NSEC3PARAM)?.data[0];
    this.#nsec3 = parameters === undefined ? null : {
      algorithm: parameters.charCodeAt(0),
      iterations: parameters.charCodeAt(2) << 8 | parameters.charCodeAt(3),
      salt: parameters.slice(5, 5 + parameters.charCodeAt(4)),
    };
  }

  #replaceHashed(key: string, sets: readonly RecordSet[]): void {
    if (sets.length > 0) {
      this.#hashed.put({ key, sets });
      this.#hashedOrder.add(key);
    } else if (this.#hashed.size > 0 && this.#hashed.delete(key)) this.#hashedOrder.remove(key);
  }

  #replacePlain(key: string, sets: readonly RecordSet[]): void {
    const node = sets.length > 0 ? this.#nodeAt(key) : this.#nodes.getByKey(key);
    if (node === undefined) return;
    if ((node.sets.length > 0) !== (sets.length > 0)) {
      if (sets.length > 0) this.#order?.add(key);
      else this.#order?.remove(key);
    }
    const hadNsec = setOf(node.sets, types.NSEC) !== undefined, hasNsec = setOf(sets, types.NSEC) !== undefined;
    if (hasNsec && !hadNsec) this.#nsecOrder.add(key);
    else if (hadNsec && !hasNsec) this.#nsecOrder.remove(key);
    node.sets = sets;
    node.turn = (node === this.#apex ? undefined : setOf(sets, types.NS)) ?? setOf(sets, types.DNAME) ?? null;
    if (sets.length === 0) this.#prune(node);
  }

  /** Makes the node, and the empty ones between it and the next existing one above. */
  #nodeAt(key: string): Node {
    const known = this.#nodes.getByKey(key);
    if (known !== undefined) return known;
    const parent = this.#nodeAt(parentKey(key));
    const node = new Node(key, parent);
    parent.children++;
    if (key.startsWith(wildcardLabel)) parent.wildcard = node;
    this.#nodes.put(node);
    return node;
  }

  #prune(node: Node): void {
    for (let at = node; at.parent !== null && at.sets.length === 0 && at.children === 0; at = at.parent) {
      this.#nodes.delete(at.key);
      at.parent.children--;
      if (at.parent.wildcard === at) at.parent.wildcard = null;
    }
  }
}

/** The set of that type among `sets`. */
export function setOf(sets: readonly RecordSet[], type: number): RecordSet | undefined {
  for (let i = 0; i < sets.length; i++) if (sets[i]!.type === type) return sets[i];
  return undefined;
}

function found(kind: FindingKind, set: RecordSet | null, node: Node, wildcard: boolean): Finding {
  return { kind, set, sets: node.sets, owner: node.key, wildcard };
}

/** What the sets at a node say to that type. */
function pick(node: Node, type: number, wildcard: boolean): Finding {
  const { sets } = node;
  let cname: RecordSet | null = null, alias: RecordSet | null = null;
  for (let i = 0; i < sets.length; i++) {
    const set = sets[i]!;
    if (set.type === types.ALIAS) alias = set;
    else if (set.type === type || type === types.ANY) return found("records", set, node, wildcard);
    else if (set.type === types.CNAME) cname = set;
  }
  if (type === types.RRSIG) {
    const signed = sets.some(({ signatures }) => signatures.length > 0);
    return found(signed ? "signatures" : "no_data", null, node, wildcard);
  }
  if (cname !== null) return found("cname", cname, node, wildcard);
  if (alias !== null && (type === types.A || type === types.AAAA)) return found("alias", alias, node, wildcard);
  return found("no_data", null, node, wildcard);
}
