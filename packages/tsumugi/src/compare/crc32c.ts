// CRC-32C (Castagnoli), as TFRecord files use it: reflected polynomial 0x82f63b78, with all bits inverted at the beginning and the end.
// Source: RFC 3720, appendix B.4 (test values); the mask: TensorFlow's lib/hash/crc32c.h.

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = table[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** Rotated by 15 bits, plus a constant: the plain checksum of data that contains checksums would be weak. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
