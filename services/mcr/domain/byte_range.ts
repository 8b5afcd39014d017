/** A run of bytes: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a `Range` header asks of content of `size` bytes (RFC 9110 §14.2):
 * the range, "unsatisfiable", or null when the whole is to be sent — no header,
 * another unit, bad syntax, or several ranges (a server may ignore those). An end
 * before the start may be ignored or rejected; the OCI conformance suite wants it rejected.
 */
export function parseRange(header: string | null, size: number): ByteRange | "unsatisfiable" | null {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(header ?? "");
  if (match === null) return null;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return null;
  if (first === "") {
    const count = Math.min(Number(last), size);
    return count === 0 ? "unsatisfiable" : { start: size - count, end: size };
  }
  const start = Number(first);
  if (start >= size || (last !== "" && Number(last) < start)) return "unsatisfiable";
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

/**
 * The bytes that a chunk of an upload claims to be. OCI distribution 1.1 wants
 * `0-99`; a "bytes " before and a "/total" behind, as in HTTP's own header, are taken too.
 * Null when it is not of that form.
 */
export function parseChunkRange(header: string): ByteRange | null {
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header.trim());
  if (match === null) return null;
  const start = Number(match[1]);
  const end = Number(match[2]) + 1;
  return end > start ? { start, end } : null;
}
