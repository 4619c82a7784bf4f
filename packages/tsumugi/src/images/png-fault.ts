// Why a PNG file is refused, in words: the decoder only says that it is. The file is a signature of 8 bytes, then chunks of length,
// type, data and a CRC-32 of type and data (PNG 3, §5.3).
import { crc32 } from 'node:zlib';

/** What is wrong with the chunks; undefined when it is none of them, but what they hold. */
export function pngFault(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sawPixels = false;
  for (let at = 8; at < bytes.length; ) {
    if (at + 12 > bytes.length) return 'it ends too early';
    const length = view.getUint32(at);
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1');
    if (!/^[A-Za-z]{4}$/.test(type)) return `there is no chunk at byte ${at}`;
    const end = at + 12 + length;
    if (end > bytes.length) return `it ends too early, inside the chunk ${type} at byte ${at}`;
    if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4))
      return `the checksum of the chunk ${type} at byte ${at} is wrong`;
    sawPixels ||= type === 'IDAT';
    if (type === 'IEND') break;
    at = end;
  }
  return sawPixels ? 'its pixels are damaged or cut short' : 'it holds no pixels (no IDAT chunk)';
}
