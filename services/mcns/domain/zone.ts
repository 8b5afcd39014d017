/**
 * A zone as answers need it: every name with its record sets, in memory.
 *
 * Names are kept by key (name.ts). A name without records but with names below it is a node too
 * (an empty non-terminal, RFC 8020): `children` counts the nodes right below, so that a node can go when
 * its last record and its last child have gone.
 */
import { type DomainName, parentKey } from "./name.ts";
import type { RecordType, RecordValue } from "./record.ts";
import { apexTtlSeconds, type Soa } from "./soa.ts";

/** All values of one type at one name. They share a TTL (RFC 2181 §5.2). */
export type RecordSet =
  | { readonly type: RecordType; readonly ttlSeconds: number; readonly values: readonly RecordValue[] }
  | { readonly type: "NS"; readonly ttlSeconds: number; readonly values: readonly DomainName[] }
  | { readonly type: "SOA"; readonly ttlSeconds: number; readonly values: readonly Soa[] };
export type SetType = RecordSet["type"];

/** One record as the store has it. */
export interface ZoneRecord {
  ttlSeconds: number;
  value: RecordValue;
}

/** What a zone has for a name and type. */
export type Finding =
  /** The records asked for. */
  | { readonly kind: "records"; readonly set: RecordSet }
  /** A CNAME where something else was asked: go on at `target`. */
  | { readonly kind: "alias"; readonly set: RecordSet; readonly target: DomainName }
  /** The name exists, without that type (NODATA). */
  | { readonly kind: "no_data" }
  /** The name doesn't exist (NXDOMAIN). */
  | { readonly kind: "no_name" };

interface Node {
  sets: readonly RecordSet[];
  children: number;
}

const noData: Finding = { kind: "no_data" };
const noName: Finding = { kind: "no_name" };
const wildcardLabel = "\x01*";

/** One zone. Built from the store, changed by name as commits happen. */
export class Zone {
  readonly name: DomainName;
  #soa!: Soa;
  readonly #nodes = new Map<string, Node>();
  /** Names with at least one wildcard in the zone: most zones have none, and skip the walk upwards. */
  #wildcards = 0;

  constructor(name: DomainName, soa: Soa) {
    this.name = name;
    this.#nodes.set(name.key, { sets: [], children: 0 });
    this.setSoa(soa);
  }

  get soa(): Soa {
    return this.#soa;
  }

  /** Seconds that "no such name" and "no such type" may be cached: RFC 2308 §5. */
  get negativeTtlSeconds(): number {
    return Math.min(this.#soa.minimum, apexTtlSeconds);
  }

  /** Takes over a new serial or new settings. */
  setSoa(soa: Soa): void {
    this.#soa = soa;
    const apex = this.#nodes.get(this.name.key)!;
    apex.sets = [...apexSets(soa), ...apex.sets.filter(({ type }) => type !== "SOA" && type !== "NS")];
  }

  /** Makes `records` the records at `name`, all of them; none removes the name (and what stood empty above it). */
  setRecords(name: DomainName, records: readonly ZoneRecord[]): void {
    const { key } = name;
    const sets = groupIntoSets(records);
    const isApex = key === this.name.key;
    const node = this.#nodes.get(key);
    if (isApex) node!.sets = [...apexSets(this.#soa), ...sets];
    else if (sets.length > 0) this.#put(key, sets);
    else if (node !== undefined) {
      if (node.sets.length > 0 && key.startsWith(wildcardLabel)) this.#wildcards--;
      node.sets = [];
      this.#prune(key);
    }
  }

  /**
   * What there is for the name and type, by RFC 1034 §4.3.2 and RFC 4592 (wildcards).
   * @param key of a name at or below the zone's; another one would loop
   * @param type null for a type that no record here has: yields an alias, NODATA or NXDOMAIN; "ANY" for whatever comes first
   */
  find(key: string, type: SetType | "ANY" | null): Finding {
    const node = this.#nodes.get(key) ?? (this.#wildcards > 0 ? this.#wildcardFor(key) : undefined);
    if (node === undefined) return noName;
    let alias: RecordSet | undefined;
    for (const set of node.sets) {
      if (set.type === type || type === "ANY") return { kind: "records", set };
      if (set.type === "CNAME") alias = set;
    }
    const value = alias?.type === "CNAME" ? alias.values[0] : undefined;
    if (alias === undefined || value?.type !== "CNAME") return noData;
    return { kind: "alias", set: alias, target: value.target };
  }

  /** RFC 4592 §3.3.1: `*` right below the closest encloser, the nearest existing name above. */
  #wildcardFor(key: string): Node | undefined {
    let encloser = parentKey(key);
    // Ends at the apex at the latest, which is always there.
    while (!this.#nodes.has(encloser)) encloser = parentKey(encloser);
    return this.#nodes.get(wildcardLabel + encloser);
  }

  #put(key: string, sets: readonly RecordSet[]): void {
    const node = this.#nodes.get(key);
    if (key.startsWith(wildcardLabel) && (node === undefined || node.sets.length === 0)) this.#wildcards++;
    if (node !== undefined) {
      node.sets = sets;
      return;
    }
    this.#nodes.set(key, { sets, children: 0 });
    // Count the new node at its parent, and make the empty names between it and the next existing one.
    for (let child = key;;) {
      const parent = parentKey(child);
      const above = this.#nodes.get(parent);
      if (above !== undefined) {
        above.children++;
        return;
      }
      this.#nodes.set(parent, { sets: [], children: 1 });
      child = parent;
    }
  }

  #prune(key: string): void {
    for (let at = key; at !== this.name.key; at = parentKey(at)) {
      const node = this.#nodes.get(at)!;
      if (node.sets.length > 0 || node.children > 0) return;
      this.#nodes.delete(at);
      this.#nodes.get(parentKey(at))!.children--;
    }
  }
}

function apexSets(soa: Soa): RecordSet[] {
  return [
    { type: "SOA", ttlSeconds: apexTtlSeconds, values: [soa] },
    { type: "NS", ttlSeconds: apexTtlSeconds, values: [soa.primaryNs] },
  ];
}

function groupIntoSets(records: readonly ZoneRecord[]): RecordSet[] {
  const sets = new Map<RecordType, { type: RecordType; ttlSeconds: number; values: RecordValue[] }>();
  for (const { ttlSeconds, value } of records) {
    const set = sets.get(value.type);
    if (set === undefined) sets.set(value.type, { type: value.type, ttlSeconds, values: [value] });
    else {
      set.values.push(value);
      // The store keeps one TTL per set; of rows written otherwise the smallest counts.
      set.ttlSeconds = Math.min(set.ttlSeconds, ttlSeconds);
    }
  }
  return [...sets.values()];
}
