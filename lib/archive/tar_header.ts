/**
 * The 512-byte header blocks of POSIX.1-2001 pax archives (ustar plus extended
 * records), as far as the platform writes and reads them.
 */
import { invalid, quote } from "@lib/errors/mod.ts";

export const blockBytes = 512;

/** What a header says. Extended records are already applied. */
export interface TarHeader {
  path: string;
  /** "file", "folder", or "extended" for a block of pax records about the next entry. */
  kind: "file" | "folder" | "extended";
  /** Bytes of content that follow. */
  size: number;
  /** Permission bits. */
  mode: number;
  /** Milliseconds since the epoch. */
  mtimeMs: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const typeFlags = { file: "0", folder: "5", extended: "x" } as const;
// ustar's fields: 100 bytes of name, 11 octal digits of size.
const maxNameBytes = 100;
const maxOctalSize = 0o77777777777;

/** The blocks that introduce an entry: its header, before it a block of pax records where ustar's fields don't suffice. */
export function encodeHeader(header: TarHeader): Uint8Array<ArrayBuffer> {
  const name = header.kind === "folder" ? `${header.path}/` : header.path;
  const fitsName = encoder.encode(name).length <= maxNameBytes && /^[\x20-\x7e]+$/.test(name);
  let records = "";
  if (!fitsName) records += record("path", name);
  if (header.size > maxOctalSize) records += record("size", String(header.size));
  if (header.mtimeMs % 1000 !== 0) records += record("mtime", (header.mtimeMs / 1000).toFixed(3));
  const block = ustarBlock({ ...header, path: fitsName ? name : "pax" });
  if (records === "") return block;

  const body = encoder.encode(records);
  const blocks = new Uint8Array(blockBytes + paddedSize(body.length) + blockBytes);
  blocks.set(ustarBlock({ path: "pax", kind: "extended", size: body.length, mode: 0o644, mtimeMs: 0 }));
  blocks.set(body, blockBytes);
  blocks.set(block, blockBytes + paddedSize(body.length));
  return blocks;
}

/** `size` rounded up to whole blocks. */
export function paddedSize(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes;
}

function ustarBlock(header: TarHeader): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(blockBytes);
  const put = (text: string, offset: number) => block.set(encoder.encode(text), offset);
  put(header.path, 0);
  put(octal(header.mode & 0o7777, 8), 100);
  put(octal(0, 8), 108);
  put(octal(0, 8), 116);
  put(octal(Math.min(header.size, maxOctalSize), 12), 124);
  put(octal(Math.max(0, Math.floor(header.mtimeMs / 1000)), 12), 136);
  put(" ".repeat(8), 148);
  put(typeFlags[header.kind], 156);
  put("ustar\x0000", 257);
  put(`${octal(checksum(block), 7)} `, 148);
  return block;
}

function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, "0") + "\0";
}

function checksum(block: Uint8Array): number {
  return block.reduce((sum, byte) => sum + byte, 0);
}

/** One pax record, `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = encoder.encode(rest).length;
  let length = bytes + String(bytes).length;
  if (String(length).length > String(bytes).length) length++;
  return `${length}${rest}`;
}

/**
 * Reads one header block; null for the zero block that ends an archive.
 * @throws PlatformError invalid for a bad checksum and for every kind of entry but files and folders
 */
export function decodeHeader(block: Uint8Array): TarHeader | null {
  if (block.every((byte) => byte === 0)) return null;
  const blanked = block.slice();
  blanked.fill(0x20, 148, 156);
  if (checksum(blanked) !== number(block, 148, 8, "checksum")) {
    throw invalid("archive", "has a damaged tar header (its checksum doesn't match)");
  }
  const name = text(block, 0, 100);
  const prefix = text(block, 257, 6) === "ustar" ? text(block, 345, 155) : "";
  const path = prefix === "" ? name : `${prefix}/${name}`;
  return {
    path,
    kind: kindOf(String.fromCharCode(block[156]!), path),
    size: number(block, 124, 12, "size"),
    mode: number(block, 100, 8, "mode") & 0o7777,
    mtimeMs: number(block, 136, 12, "time") * 1000,
  };
}

function kindOf(flag: string, path: string): TarHeader["kind"] {
  switch (flag) {
    case "0":
    case "\0":
      return "file";
    case "5":
      return "folder";
    case "x":
      return "extended";
    case "1":
    case "2":
      throw invalid("archive", `holds the link ${quote(path)}; only files and folders are accepted`);
    default:
      throw invalid("archive", `holds ${quote(path)} of tar type ${quote(flag)}; only files and folders are accepted`);
  }
}

function text(block: Uint8Array, offset: number, width: number): string {
  const field = block.subarray(offset, offset + width);
  const end = field.indexOf(0);
  return utf8(end < 0 ? field : field.subarray(0, end));
}

function number(block: Uint8Array, offset: number, width: number, what: string): number {
  const digits = text(block, offset, width).trim();
  if (!/^[0-7]*$/.test(digits)) throw invalid("archive", `has a tar header whose ${what} is not octal`);
  return digits === "" ? 0 : parseInt(digits, 8);
}

function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw invalid("archive", "has a tar header that is not UTF-8");
  }
}

/**
 * Applies pax records to the header after them. Keys that say nothing about
 * path, size or time are skipped (POSIX: unknown keywords are ignored).
 */
export function applyRecords(header: TarHeader, body: Uint8Array): TarHeader {
  const result = { ...header };
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const length = space < 0 ? NaN : Number(utf8(body.subarray(at, space)));
    if (!Number.isSafeInteger(length) || length < 5 || at + length > body.length || body[at + length - 1] !== 0x0a) {
      throw invalid("archive", "has a damaged pax record");
    }
    const [key = "", ...value] = utf8(body.subarray(space + 1, at + length - 1)).split("=");
    applyRecord(result, key, value.join("="));
    at += length;
  }
  return result;
}

function applyRecord(header: TarHeader, key: string, value: string): void {
  if (key === "path") header.path = value;
  if (key === "size") header.size = paxNumber(key, value);
  if (key === "mtime") header.mtimeMs = Math.round(paxNumber(key, value) * 1000);
}

function paxNumber(key: string, value: string): number {
  const number = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || number > Number.MAX_SAFE_INTEGER || (key === "size" && value.includes("."))) {
    throw invalid("archive", `has the pax record ${key}=${quote(value)}, which is not a ${key}`);
  }
  return number;
}
