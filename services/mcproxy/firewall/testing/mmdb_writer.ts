/**
 * Makes small MaxMind DB files (format 2.0) for tests; real readers read them (tests/peers/firewall_mmdb_test.ts).
 * @module
 */
import { parseCidr } from "../../domain/cidr.ts";
import { mmdbTypes } from "../mmdb_data.ts";

/** A number of a type that JavaScript's numbers don't tell. */
export class Typed {
  constructor(readonly type: "uint16" | "float" | "int32" | "uint64" | "uint128", readonly value: number | bigint) {}
}

/** What a record can be made of: whole numbers become uint32 (int32 below zero), others doubles, bigints uint64. */
export type Writable =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | Typed
  | readonly Writable[]
  | { readonly [key: string]: Writable };

export interface MmdbOptions {
  recordSize?: 24 | 28 | 32;
  ipVersion?: 4 | 6;
  databaseType?: string;
  /** Seconds since the epoch. */
  buildEpoch?: number;
  /** Replaces or adds entries of the metadata. */
  metadata?: { readonly [key: string]: Writable };
}

/** A record of the country layout. */
export function country(isoCode: string): Writable {
  return { country: { iso_code: isoCode, names: { en: `Land of ${isoCode}` } } };
}

type Tree = Tree[] | { readonly leaf: Writable } | null;

/** The file of these networks; the narrower of two counts, in whatever order they come. */
export function writeMmdb(
  networks: readonly (readonly [cidr: string, value: Writable])[],
  options: MmdbOptions = {},
): Uint8Array<ArrayBuffer> {
  const { recordSize = 24, ipVersion = 6, databaseType = "Test-Country", buildEpoch = 1_790_000_000 } = options;
  const rows = networks.map(([text, value]) => ({ cidr: parseCidr(text), value }));
  const depthOf = ({ cidr: { first: { family }, bits } }: typeof rows[number]) =>
    family === 4 && ipVersion === 6 ? bits + 96 : bits;
  let root: Tree = null;
  for (const row of rows.toSorted((one, other) => depthOf(one) - depthOf(other))) {
    const { first } = row.cidr;
    const words = first.family === 4 && ipVersion === 4 ? [first.words[3]] : first.words;
    root = inserted(root, words, 0, depthOf(row), { leaf: row.value });
  }
  const nodes: [Tree, Tree][] = [];
  const numbers = new Map<Tree, number>();
  const number = (tree: Tree) => {
    if (!Array.isArray(tree)) return;
    numbers.set(tree, nodes.length);
    nodes.push([tree[0]!, tree[1]!]);
    tree.forEach(number);
  };
  number(Array.isArray(root) ? root : root = [root, root]);

  const data = new MmdbSection();
  const record = (tree: Tree): number => {
    if (tree === null) return nodes.length;
    return Array.isArray(tree) ? numbers.get(tree)! : nodes.length + 16 + data.add(tree.leaf);
  };
  const tree = nodes.flatMap(([left, right]) => writeNode(record(left), record(right), recordSize));
  return assembleMmdb(tree, data.bytes, {
    build_epoch: BigInt(buildEpoch),
    database_type: databaseType,
    ip_version: new Typed("uint16", ipVersion),
    node_count: nodes.length,
    record_size: new Typed("uint16", recordSize),
    ...options.metadata,
  });
}

/** The file of a tree and data that are octets already. */
export function assembleMmdb(
  tree: ArrayLike<number>,
  data: ArrayLike<number>,
  metadata: { readonly [key: string]: Writable },
): Uint8Array<ArrayBuffer> {
  const section = new MmdbSection({ pointers: false });
  section.add({
    binary_format_major_version: new Typed("uint16", 2),
    binary_format_minor_version: new Typed("uint16", 0),
    description: { en: "made by a test" },
    languages: ["en"],
    ...metadata,
  });
  const marker = [0xab, 0xcd, 0xef, ...new TextEncoder().encode("MaxMind.com")];
  const parts = [tree, new Uint8Array(16), data, marker, section.bytes];
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function inserted(tree: Tree, words: readonly number[], at: number, depth: number, leaf: Tree): Tree {
  if (at === depth) return leaf;
  // What was a leaf goes on for both halves.
  const halves: Tree[] = Array.isArray(tree) ? tree : [tree, tree];
  const side = words[at >>> 5]! >>> (31 - (at & 31)) & 1;
  const changed = inserted(halves[side]!, words, at + 1, depth, leaf);
  return side === 0 ? [changed, halves[1]!] : [halves[0]!, changed];
}

/** One node's octets. */
export function writeNode(left: number, right: number, recordSize: 24 | 28 | 32): number[] {
  const octets = (value: number, count: number) => bigEndian(BigInt(value), count);
  if (recordSize === 24) return [...octets(left, 3), ...octets(right, 3)];
  if (recordSize === 32) return [...octets(left, 4), ...octets(right, 4)];
  const low = (value: number) => octets(value % 2 ** 24, 3);
  const high = (value: number) => Math.floor(value / 2 ** 24);
  return [...low(left), high(left) << 4 | high(right), ...low(right)];
}

/** A data section; what is in it already is pointed to, unless all is to stand in its place. */
export class MmdbSection {
  readonly bytes: number[] = [];
  readonly #known = new Map<string, number>();
  readonly #pointers: boolean;

  constructor({ pointers = true }: { pointers?: boolean } = {}) {
    this.#pointers = pointers;
  }

  /** @returns the value's offset */
  add(value: Writable): number {
    const key = keyOf(value);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    // Parts come first: their offsets must be known.
    const own = this.#encoded(value);
    const offset = this.bytes.length;
    this.#known.set(key, offset);
    this.bytes.push(...own);
    return offset;
  }

  #encoded(value: Writable): number[] {
    if (typeof value === "string") return sized(mmdbTypes.text, [...new TextEncoder().encode(value)]);
    if (typeof value === "boolean") return [...control(mmdbTypes.boolean, value ? 1 : 0)];
    if (typeof value === "bigint") return sized(mmdbTypes.uint64, shortest(value));
    if (value instanceof Uint8Array) return sized(mmdbTypes.bytes, [...value]);
    if (value instanceof Typed) return typed(value);
    if (typeof value === "number") {
      if (!Number.isInteger(value)) return [...control(mmdbTypes.double, 8), ...floating(value, 8)];
      return value < 0
        ? sized(mmdbTypes.int32, bigEndian(BigInt(value >>> 0), 4))
        : sized(mmdbTypes.uint32, shortest(BigInt(value)));
    }
    if (Array.isArray(value)) {
      return [...control(mmdbTypes.array, value.length), ...value.flatMap((part: Writable) => this.#part(part))];
    }
    const entries = Object.entries(value);
    return [
      ...control(mmdbTypes.map, entries.length),
      ...entries.flatMap(([name, part]) => [...this.#part(name), ...this.#part(part)]),
    ];
  }

  /** Texts and maps stand elsewhere and are pointed to; the rest stands in place. */
  #part(value: Writable): number[] {
    const isLarge = typeof value === "string" ? value.length > 2 : typeof value === "object" && !Array.isArray(value) &&
      !(value instanceof Typed) && !(value instanceof Uint8Array);
    // A text of two characters is as short as a pointer.
    return isLarge && this.#pointers ? pointer(this.add(value)) : this.#encoded(value);
  }
}

function keyOf(value: Writable): string {
  return JSON.stringify(value, (_, part) => typeof part === "bigint" ? `${part}n` : part);
}

function typed({ type, value }: Typed): number[] {
  switch (type) {
    case "float":
      return [...control(mmdbTypes.float, 4), ...floating(Number(value), 4)];
    case "int32":
      return sized(mmdbTypes.int32, bigEndian(BigInt(Number(value) >>> 0), 4));
    default:
      return sized(mmdbTypes[type], shortest(BigInt(value)));
  }
}

const sized = (type: number, octets: number[]) => [...control(type, octets.length), ...octets];

/** The control bytes of a type and a size. */
export function control(type: number, size: number): number[] {
  const [small, more] = size < 29
    ? [size, []]
    : size < 285
    ? [29, bigEndian(BigInt(size - 29), 1)]
    : size < 65_821
    ? [30, bigEndian(BigInt(size - 285), 2)]
    : [31, bigEndian(BigInt(size - 65_821), 3)];
  return type <= 7 ? [type << 5 | small, ...more] : [small, type - 7, ...more];
}

/** A pointer in its shortest form. */
export function pointer(target: number): number[] {
  const form = (size: number, value: number) => {
    const [first = 0, ...rest] = bigEndian(BigInt(value), size + 2);
    return [mmdbTypes.pointer << 5 | size << 3 | first, ...rest];
  };
  if (target < 2048) return form(0, target);
  if (target < 526_336) return form(1, target - 2048);
  if (target < 134_744_064) return form(2, target - 526_336);
  return [mmdbTypes.pointer << 5 | 3 << 3, ...bigEndian(BigInt(target), 4)];
}

function bigEndian(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number(value >> BigInt(8 * (count - 1 - i)) & 255n));
}

function shortest(value: bigint): number[] {
  return value === 0n ? [] : bigEndian(value, Math.ceil(value.toString(16).length / 2));
}

function floating(value: number, size: 4 | 8): number[] {
  const view = new DataView(new ArrayBuffer(size));
  if (size === 4) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  return [...new Uint8Array(view.buffer)];
}
