/**
 * A MaxMind DB file (format 2.0) in memory: a binary tree over the bits of addresses, whose leaves lead to data.
 * @module
 */
import type { IpAddress } from "../domain/ip_address.ts";
import { MmdbData, type MmdbValue } from "./mmdb_data.ts";

/** What a file says about itself, as far as it is used. */
export interface MmdbMetadata {
  readonly databaseType: string;
  /** Seconds since the epoch when it was made. */
  readonly buildEpoch: number;
  readonly ipVersion: 4 | 6;
  readonly nodeCount: number;
  /** Bits. */
  readonly recordSize: 24 | 28 | 32;
}

/** Octets between tree and data, all zero. */
const separatorBytes = 16;
/** The metadata lies within this many octets from the end. */
const metadataWithin = 128 * 1024;
const marker = new Uint8Array([0xab, 0xcd, 0xef, ...new TextEncoder().encode("MaxMind.com")]);

/** See the module. */
export class MmdbReader {
  readonly metadata: MmdbMetadata;
  readonly #bytes: Uint8Array;
  readonly #data: MmdbData;
  /** What 96 zero bits lead to: where the IPv4 addresses of an IPv6 tree begin; a node, or already a leaf. */
  readonly #ipv4Root: number;

  /**
   * @param bytes the whole file; kept, and not to be changed
   * @throws Error saying what is wrong, when it isn't such a file; leaves are looked at by `check`
   */
  constructor(bytes: Uint8Array) {
    const at = lastIndexOf(bytes, marker);
    if (at < 0) throw new Error("no MaxMind DB file: its metadata isn't there");
    this.metadata = readMetadata(new MmdbData(bytes.subarray(at + marker.length)));
    this.#bytes = bytes;
    const { nodeCount, recordSize, ipVersion } = this.metadata;
    const treeBytes = nodeCount * recordSize / 4;
    if (treeBytes + separatorBytes > at) {
      throw new Error(
        `${nodeCount} nodes of ${recordSize / 4} octets don't fit into the ${at} octets before the metadata`,
      );
    }
    if (bytes.subarray(treeBytes, treeBytes + separatorBytes).some((octet) => octet !== 0)) {
      throw new Error(`the tree isn't followed by ${separatorBytes} zeros: its size in the metadata is wrong`);
    }
    this.#data = new MmdbData(bytes.subarray(treeBytes + separatorBytes, at));
    this.#ipv4Root = 0;
    for (let depth = 0; ipVersion === 6 && depth < 96 && this.#ipv4Root < nodeCount; depth++) {
      this.#ipv4Root = this.#record(this.#ipv4Root, 0);
    }
  }

  /** Offset of the address's data; -1 when the file has none. */
  find({ family, words }: IpAddress): number {
    const { nodeCount, ipVersion } = this.metadata;
    if (family === 6 && ipVersion === 4) return -1;
    let record = family === 4 ? this.#ipv4Root : 0;
    for (let word = family === 4 ? 3 : 0; word < 4 && record < nodeCount; word++) {
      const bits = words[word]!;
      for (let shift = 31; shift >= 0 && record < nodeCount; shift--) record = this.#record(record, bits >>> shift & 1);
    }
    // A path longer than the address has bits, or a leaf that points nowhere: only damaged files have them.
    const offset = record - nodeCount - separatorBytes;
    return offset >= 0 && offset < this.#data.length ? offset : -1;
  }

  /** The record at an offset that `find` gave. @throws Error for damaged data */
  decode(offset: number): MmdbValue {
    return this.#data.decode(offset);
  }

  /** The text at the end of a way through the record's maps, or null. @throws Error for damaged data */
  text(offset: number, ...keys: string[]): string | null {
    return this.#data.text(offset, ...keys);
  }

  /**
   * Looks at every leaf, and yields each offset of data once; undefined after each 65,536 nodes (about a millisecond),
   * for callers who have other things to do.
   * @throws Error for a leaf that leads out of the tree and the data
   */
  *check(): Generator<number | undefined, void> {
    const { nodeCount } = this.metadata;
    const seen = new Set<number>();
    for (let node = 0; node < nodeCount; node++) {
      for (let side = 0; side < 2; side++) {
        const record = this.#record(node, side);
        if (record <= nodeCount) continue;
        const offset = record - nodeCount - separatorBytes;
        if (offset < 0 || offset >= this.#data.length) {
          throw new Error(`node ${node} leads to offset ${offset} of ${this.#data.length} octets of data`);
        }
        if (seen.has(offset)) continue;
        seen.add(offset);
        yield offset;
      }
      if ((node & 65_535) === 65_535) yield undefined;
    }
  }

  /** The left (0) or right (1) record of a node. */
  #record(node: number, side: number): number {
    const bytes = this.#bytes;
    switch (this.metadata.recordSize) {
      case 24: {
        const at = 6 * node + 3 * side;
        return bytes[at]! << 16 | bytes[at + 1]! << 8 | bytes[at + 2]!;
      }
      case 28: {
        // Three octets each; the halves of the one between them are the highest bits, the left record's first.
        const at = 7 * node + 4 * side;
        const middle = bytes[7 * node + 3]!;
        const high = side === 0 ? middle >>> 4 : middle & 15;
        return high << 24 | bytes[at]! << 16 | bytes[at + 1]! << 8 | bytes[at + 2]!;
      }
      case 32: {
        const at = 8 * node + 4 * side;
        return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
      }
    }
  }
}

function readMetadata(data: MmdbData): MmdbMetadata {
  const value = data.decode(0);
  if (typeof value !== "object" || value instanceof Uint8Array || Array.isArray(value)) {
    throw new Error("the metadata is no map");
  }
  const numberOf = (key: string): number => {
    const found = value[key];
    const number = typeof found === "bigint" ? Number(found) : found;
    if (typeof number !== "number") throw new Error(`the metadata has no number "${key}"`);
    return number;
  };
  const major = numberOf("binary_format_major_version");
  if (major !== 2) throw new Error(`format version ${major}; version 2 can be read`);
  const recordSize = numberOf("record_size");
  if (recordSize !== 24 && recordSize !== 28 && recordSize !== 32) {
    throw new Error(`records of ${recordSize} bits; there are 24, 28 and 32`);
  }
  const ipVersion = numberOf("ip_version");
  if (ipVersion !== 4 && ipVersion !== 6) throw new Error(`IP version ${ipVersion}; there are 4 and 6`);
  const nodeCount = numberOf("node_count");
  if (!Number.isInteger(nodeCount) || nodeCount < 1) throw new Error(`a tree of ${nodeCount} nodes`);
  const databaseType = value["database_type"];
  return {
    databaseType: typeof databaseType === "string" ? databaseType : "",
    buildEpoch: numberOf("build_epoch"),
    ipVersion,
    nodeCount,
    recordSize,
  };
}

/** Where the pattern stands last, searching back from the end as far as metadata may reach. */
function lastIndexOf(bytes: Uint8Array, pattern: Uint8Array): number {
  const least = Math.max(0, bytes.length - metadataWithin);
  for (let at = bytes.length - pattern.length; at >= least; at--) {
    if (pattern.every((octet, i) => bytes[at + i] === octet)) return at;
  }
  return -1;
}
