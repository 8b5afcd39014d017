/**
 * CRC32C (Castagnoli), as RFC 4960 Appendix B has it and the PROXY protocol's checksum uses it.
 * @module
 */

/** The polynomial 0x1EDC6F41 with its bits reversed. */
const reversedPolynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ reversedPolynomial : value >>> 1;
  return value;
});

/**
 * The checksum of `bytes`, an unsigned 32-bit number.
 * @param zeroAt four octets from here on count as zero: the checksum's own place in what it covers
 */
export function crc32c(bytes: Uint8Array, zeroAt = -1): number {
  let value = 0xffffffff;
  for (let index = 0; index < bytes.length; index++) {
    const byte = zeroAt >= 0 && index >= zeroAt && index < zeroAt + 4 ? 0 : bytes[index]!;
    value = (value >>> 8) ^ table[(value ^ byte) & 0xff]!;
  }
  return ~value >>> 0;
}
