/**
 * The few pieces of DER (X.690) that the platform reads or writes itself: definite lengths, tags below 31.
 * @module
 */

/** One element: its tag byte and its contents. */
export interface DerElement {
  tag: number;
  value: Uint8Array<ArrayBuffer>;
}

export const derTag = { integer: 0x02, octetString: 0x04, oid: 0x06, sequence: 0x30 } as const;

/**
 * The elements that follow each other in `bytes`.
 * @throws RangeError on indefinite, over-long or non-minimal lengths and on truncation
 */
export function readDer(bytes: Uint8Array<ArrayBuffer>): DerElement[] {
  const elements: DerElement[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at++] ?? 0;
    let length = bytes[at++];
    if (length === undefined || (tag & 0x1f) === 0x1f) throw new RangeError("DER element is truncated");
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 3) throw new RangeError("DER length is indefinite or too long");
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[at++] ?? 0);
      if (length < 0x80) throw new RangeError("DER length is not minimal");
    }
    if (at + length > bytes.length) throw new RangeError("DER element is truncated");
    elements.push({ tag, value: bytes.subarray(at, at + length) });
    at += length;
  }
  return elements;
}

/** One element of DER. */
export function writeDer(tag: number, ...contents: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = contents.reduce((sum, each) => sum + each.length, 0);
  const header = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  if (length > 0xffff) throw new RangeError(`DER element of ${length} bytes; at most 65535 are written`);
  const out = new Uint8Array(header.length + length);
  out.set(header);
  let at = header.length;
  for (const each of contents) {
    out.set(each, at);
    at += each.length;
  }
  return out;
}

/** Dotted text of an object identifier's contents. */
export function oidText(value: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of value) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const first = arcs.shift() ?? 0;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...arcs].join(".");
}
