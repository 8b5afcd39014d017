/**
 * A zone as answers need it: every name with its record sets, in memory.
 *
 * Names are kept by key (name.ts) in a table; a name without records but with names below it is a node too (an empty
 * non-terminal, RFC 8020). A lookup asks the table for the name and then for the names above it, until one is there; in
 * a zone that has any, it looks for zone cuts (NS) and redirections (DNAME) from the top, of which the topmost counts.
 * NSEC3 records stand apart: their hashed owners are no names of the zone (RFC 5155 §7.2.8).
 */
import type { Finding } from "./finding.ts";
import { LookupName } from "./lookup_name.ts";
import { type DomainName, parentKey } from "./name.ts";
import { NodeTable } from "./node_table.ts";
import type { Octets } from "./octets.ts";
import { OrderedNames } from "./ordered_names.ts";
import { readSoa } from "./rdata/record_data.ts";
import { types } from "./rdata/record_type.ts";
import { type RecordSet, setOf } from "./record_set.ts";
import type { Soa } from "./soa.ts";
import { type Node, NodeFinding, pick } from "./zone_node.ts";

export type { Finding, FindingKind } from "./finding.ts";
export { type RecordSet, setOf } from "./record_set.ts";

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

const noSets: readonly RecordSet[] = [];
const wildcardLabel = "\x01*";

/** One zone. Built from the store, changed by name as commits happen. */
export class Zone {
  readonly name: DomainName;
  /** The name's, also as the directory of zones wants it. */
  readonly key: string;
  readonly octets: Octets;
  readonly #labels: number;
  #nodes: NodeTable;
  /** How many of them turn the answer elsewhere. */
  #turns = 0;
  /** The NSEC3 sets of hashed owners; null before the first one. */
  #hashed: NodeTable | null = null;
  #hashedOrder = new OrderedNames();
  #nsecOrder = new OrderedNames();
  /** Null until somebody asks. */
  #order: OrderedNames | null = null;
  #soa: { readonly set: RecordSet; readonly value: Soa } | null = null;
  #nsec3: Nsec3Parameters | null = null;
  #isSigned = false;
  #lookup = new LookupName();

  /** Without any record: not answerable until an SOA set has been put at the apex. */
  constructor(name: DomainName) {
    this.name = name;
    this.key = this.octets = name.key;
    this.#labels = name.labels.length;
    this.#nodes = new NodeTable(name.key);
    this.#nodes.put(name.key, noSets);
  }

  /** A zone of its own with the same sets: to be changed aside, while this one is answered from. */
  copy(): Zone {
    const copy = new Zone(this.name);
    copy.#nodes = this.#nodes.copy();
    copy.#turns = this.#turns;
    copy.#hashed = this.#hashed?.copy() ?? null;
    copy.#hashedOrder = this.#hashedOrder.copy();
    copy.#nsecOrder = this.#nsecOrder.copy();
    copy.#order = this.#order?.copy() ?? null;
    copy.#readApex();
    return copy;
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
    return this.#isSigned;
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
    const hashed = this.#hashed?.getByKey(key);
    return hashed === undefined ? sets : [...sets, ...hashed.sets];
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

  /**
   * Sorts what denials are looked up in. After a bulk change: else the first query for a name that isn't there does it,
   * which takes seconds for a million names.
   */
  settle(): void {
    this.#nsecOrder.settle();
    this.#hashedOrder.settle();
  }

  /** Every owner with sets, NSEC3 owners too: the apex first, then in no order. */
  *names(): IterableIterator<string> {
    if (this.#nodes.getByKey(this.key)!.hasSets) yield this.key;
    for (const { key, hasSets } of this.#nodes) if (hasSets && key !== this.key) yield key;
    for (const { key } of this.#hashed ?? []) if (this.#nodes.getByKey(key) === undefined) yield key;
  }

  /** Owners with sets in canonical order (RFC 4034 §6.1), without those of NSEC3. Sorted at the first call, then kept up. */
  canonicalNames(): readonly string[] {
    if (this.#order === null) {
      this.#order = new OrderedNames();
      for (const node of this.#nodes) if (node.hasSets) this.#order.add(node.key);
    }
    return this.#order.keys;
  }

  /** What there is for the name and type. `key` is of a name at or below the zone's. */
  find(key: string, type: number): Finding {
    return this.findName(this.#lookup.set(key), type);
  }

  /** As `find`, for a name at or below the zone's (RFC 1034 §4.3.2, RFC 4592, RFC 6672 §3.2). */
  findName(name: LookupName, type: number): Finding {
    const apex = name.labels - this.#labels;
    let label = 0;
    let nearest = this.#nodes.get(name, 0);
    while (nearest === undefined) {
      if (++label > apex) throw new Error(`zone ${this.name} was asked for a name outside it`);
      nearest = this.#nodes.get(name, label);
    }
    const turned = this.#turns > 0 ? this.#turned(name, label, type) : null;
    if (turned !== null) return turned;
    if (label === 0) return pick(nearest, type, false);
    // RFC 4592 §3.3.1: the wildcard right below the closest encloser.
    if (nearest.hasWildcard) return pick(this.#nodes.getByKey(wildcardLabel + nearest.key)!, type, true);
    return new NodeFinding("no_name", null, nearest, false);
  }

  /** The NSEC set whose owner is `key` or the last one before it: it matches or covers that name. Null when there is none. */
  nsecFor(key: string): OwnedSet | null {
    const owner = this.#nsecOrder.keys[this.#nsecOrder.indexAtOrBefore(key)];
    const set = owner === undefined ? undefined : setOf(this.setsAt(owner), types.NSEC);
    return set === undefined ? null : { owner: owner!, set };
  }

  /** The NSEC3 set at exactly that hashed owner. */
  nsec3At(owner: string): OwnedSet | null {
    const set = this.#hashed?.getByKey(owner)?.sets[0];
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
    const { sets } = this.#nodes.getByKey(this.key)!;
    const soa = setOf(sets, types.SOA);
    const data = soa?.data[0];
    this.#soa = soa === undefined || data === undefined ? null : { set: soa, value: readSoa(data) };
    this.#isSigned = (setOf(sets, types.DNSKEY)?.signatures.length ?? 0) > 0;
    const parameters = setOf(sets, types.NSEC3PARAM)?.data[0];
    this.#nsec3 = parameters === undefined ? null : {
      algorithm: parameters.charCodeAt(0),
      iterations: parameters.charCodeAt(2) << 8 | parameters.charCodeAt(3),
      salt: parameters.slice(5, 5 + parameters.charCodeAt(4)),
    };
  }

  /** The topmost zone cut or redirection at the names of `name` from that label up; null when there is none. */
  #turned(name: LookupName, lowest: number, type: number): NodeFinding | null {
    const apex = name.labels - this.#labels;
    for (let label = apex; label >= lowest; label--) {
      const node = this.#nodes.get(name, label)!;
      const turn = node.turn(label === apex);
      // A DNAME turns the names below it, not its own; a zone cut also its own, but for the DS, which is ours
      // (RFC 4035 §3.1.4.1).
      if (turn === 0 || (label === 0 && (turn === types.DNAME || type === types.DS))) continue;
      return new NodeFinding(turn === types.DNAME ? "dname" : "delegation", node.setOf(turn)!, node, false);
    }
    return null;
  }

  #replaceHashed(key: string, sets: readonly RecordSet[]): void {
    if (sets.length > 0) {
      (this.#hashed ??= new NodeTable(this.key)).put(key, sets);
      this.#hashedOrder.add(key);
    } else if (this.#hashed?.delete(key) === true) this.#hashedOrder.remove(key);
  }

  #replacePlain(key: string, sets: readonly RecordSet[]): void {
    const node = this.#nodes.getByKey(key);
    if (node === undefined && sets.length === 0) return;
    this.#noteNsec(key, node, sets);
    if (sets.length > 0) this.#order?.add(key);
    else this.#order?.remove(key);
    const isApex = key === this.key;
    if (node !== undefined && node.turn(isApex) !== 0) this.#turns--;
    if (sets.some(({ type }) => type === types.DNAME || (type === types.NS && !isApex))) this.#turns++;
    if (node === undefined) this.#hang(key);
    this.#nodes.put(key, sets);
    if (sets.length === 0) this.#prune(key);
  }

  #noteNsec(key: string, node: Node | undefined, sets: readonly RecordSet[]): void {
    const hadNsec = this.#nsecOrder.size > 0 && node?.setOf(types.NSEC) !== undefined;
    const hasNsec = setOf(sets, types.NSEC) !== undefined;
    if (hasNsec && !hadNsec) this.#nsecOrder.add(key);
    else if (hadNsec && !hasNsec) this.#nsecOrder.remove(key);
  }

  /** Makes the empty nodes between a new name and the next existing one above it, which count it. */
  #hang(key: string): void {
    if (key.length <= this.key.length) throw new Error(`zone ${this.name} was given a name outside it`);
    const above = parentKey(key);
    if (this.#nodes.getByKey(above) === undefined) {
      this.#hang(above);
      this.#nodes.put(above, noSets);
    }
    this.#nodes.getByKey(above)!.countChild(1, key.startsWith(wildcardLabel));
  }

  /** Takes out the name, and what stands empty above it, unless names are below. */
  #prune(key: string): void {
    for (let at = key; at !== this.key; at = parentKey(at)) {
      const node = this.#nodes.getByKey(at)!;
      if (node.hasSets || node.children > 0) return;
      this.#nodes.delete(at);
      this.#nodes.getByKey(parentKey(at))!.countChild(-1, at.startsWith(wildcardLabel));
    }
  }
}
