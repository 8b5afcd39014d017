/**
 * SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash for short inputs. Its 64-bit words as two 32-bit halves each, so
 * that it runs on plain numbers: well below a microsecond for a cookie.
 */

/** Octets of a key, and of a hash. */
export const sipKeyOctets = 16;
export const sipHashOctets = 8;

/** State, low half of each word before its high half. Reused: nothing here waits. */
const state = new Int32Array(8);

/** Hashes the first `length` octets of `data`; puts the hash into `out` at `at`, lowest octet first. */
export function sipHash(key: Uint8Array, data: Uint8Array, length: number, out: Uint8Array, at: number): void {
  const [k0, k1, k2, k3] = [word(key, 0), word(key, 4), word(key, 8), word(key, 12)];
  // "somepseudorandomlygeneratedbytes"
  state[0] = k0 ^ 0x70736575, state[1] = k1 ^ 0x736f6d65;
  state[2] = k2 ^ 0x6e646f6d, state[3] = k3 ^ 0x646f7261;
  state[4] = k0 ^ 0x6e657261, state[5] = k1 ^ 0x6c796765;
  state[6] = k2 ^ 0x79746573, state[7] = k3 ^ 0x74656462;
  const whole = length & ~7;
  for (let i = 0; i < whole; i += 8) absorb(word(data, i), word(data, i + 4));
  // The last word has what is left, and the length in its highest octet.
  let low = 0, high = length << 24;
  for (let i = length - 1; i >= whole; i--) {
    const shift = (i - whole) * 8;
    if (shift < 32) low |= data[i]! << shift;
    else high |= data[i]! << shift - 32;
  }
  absorb(low, high);
  state[4]! ^= 0xff;
  for (let i = 0; i < 4; i++) round();
  putWord(out, at, state[0]! ^ state[2]! ^ state[4]! ^ state[6]!);
  putWord(out, at + 4, state[1]! ^ state[3]! ^ state[5]! ^ state[7]!);
}

function absorb(low: number, high: number): void {
  state[6]! ^= low;
  state[7]! ^= high;
  round();
  round();
  state[0]! ^= low;
  state[1]! ^= high;
}

/** One SipRound: v0 to v3 are state words 0, 2, 4, 6. */
function round(): void {
  add(0, 2);
  rotate(2, 13);
  mix(2, 0);
  swap(0);
  add(4, 6);
  rotate(6, 16);
  mix(6, 4);
  add(0, 6);
  rotate(6, 21);
  mix(6, 0);
  add(4, 2);
  rotate(2, 17);
  mix(2, 4);
  swap(4);
}

function add(to: number, from: number): void {
  const low = (state[to]! >>> 0) + (state[from]! >>> 0);
  state[to] = low;
  state[to + 1]! += state[from + 1]! + (low > 0xffff_ffff ? 1 : 0);
}

function mix(to: number, from: number): void {
  state[to]! ^= state[from]!;
  state[to + 1]! ^= state[from + 1]!;
}

/** To the left, by fewer than 32 bits. */
function rotate(at: number, bits: number): void {
  const low = state[at]!, high = state[at + 1]!;
  state[at] = low << bits | high >>> 32 - bits;
  state[at + 1] = high << bits | low >>> 32 - bits;
}

/** To the left by 32 bits. */
function swap(at: number): void {
  const low = state[at]!;
  state[at] = state[at + 1]!;
  state[at + 1] = low;
}

function word(octets: Uint8Array, at: number): number {
  return octets[at]! | octets[at + 1]! << 8 | octets[at + 2]! << 16 | octets[at + 3]! << 24;
}

function putWord(out: Uint8Array, at: number, value: number): void {
  out[at] = value;
  out[at + 1] = value >> 8;
  out[at + 2] = value >> 16;
  out[at + 3] = value >> 24;
}
