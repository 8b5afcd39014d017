/**
 * SHA-1 (FIPS 180-4 §6.1) of a few dozen octets, for hashed owner names (RFC 5155 §5): a microsecond, where a call into the
 * runtime's cryptography costs ten. For nothing that has to withstand collisions.
 */

export const sha1Octets = 20;

const blockOctets = 64;

/** Schedule of the block at work. Reused: nothing here waits. */
const words = new Int32Array(80);

/**
 * Hashes the first `length` octets of `data`, and puts the digest into `out`.
 * @param data long enough for the padding: the next multiple of 64 above `length` + 8; what follows `length` is overwritten
 */
export function sha1(data: Uint8Array, length: number, out: Uint8Array): void {
  const end = Math.ceil((length + 9) / blockOctets) * blockOctets;
  data[length] = 0x80;
  data.fill(0, length + 1, end);
  const bits = length * 8;
  for (let i = 1; i <= 4; i++) data[end - i] = bits >>> 8 * (i - 1);

  let h0 = 0x67452301, h1 = 0xefcdab89 | 0, h2 = 0x98badcfe | 0, h3 = 0x10325476, h4 = 0xc3d2e1f0 | 0;
  for (let block = 0; block < end; block += blockOctets) {
    for (let i = 0, at = block; i < 16; i++, at += 4) {
      words[i] = data[at]! << 24 | data[at + 1]! << 16 | data[at + 2]! << 8 | data[at + 3]!;
    }
    for (let i = 16; i < 80; i++) {
      const mixed = words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!;
      words[i] = mixed << 1 | mixed >>> 31;
    }
    let a = h0, b = h1, c = h2, d = h3, e = h4;
    for (let i = 0; i < 80; i++) {
      const f = i < 20
        ? (b & c | ~b & d) + 0x5a827999
        : i < 40
        ? (b ^ c ^ d) + 0x6ed9eba1
        : i < 60
        ? (b & c | b & d | c & d) + 0x8f1bbcdc
        : (b ^ c ^ d) + 0xca62c1d6;
      const next = (a << 5 | a >>> 27) + f + e + words[i]! | 0;
      e = d;
      d = c;
      c = b << 30 | b >>> 2;
      b = a;
      a = next;
    }
    h0 = h0 + a | 0;
    h1 = h1 + b | 0;
    h2 = h2 + c | 0;
    h3 = h3 + d | 0;
    h4 = h4 + e | 0;
  }
  putWord(out, 0, h0);
  putWord(out, 4, h1);
  putWord(out, 8, h2);
  putWord(out, 12, h3);
  putWord(out, 16, h4);
}

function putWord(out: Uint8Array, at: number, word: number): void {
  out[at] = word >>> 24;
  out[at + 1] = word >>> 16;
  out[at + 2] = word >>> 8;
  out[at + 3] = word;
}
