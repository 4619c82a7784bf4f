// Writing PNG files, 8 bits deep, whole or not at all.
import { crc32, deflateSync } from 'node:zlib';
import { writeFileAtomic } from '../base/index.ts';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** Length, type, data, CRC-32 of type and data (PNG 3, §5.3). */
function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** The bytes of a PNG file. @param pixels [height, width, channels], channels 1 (grey) or 3 (red, green, blue) */
export function encodePng(pixels: Uint8Array, size: { width: number; height: number; channels: 1 | 3 }): Buffer {
  const { width, height, channels } = size;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  // PNG's numbers for grey and for red, green, blue.
  header[9] = channels === 1 ? 0 : 2;
  // Every row begins with the number of its filter: 0, none.
  const row = width * channels;
  const rows = Buffer.alloc(height * (row + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Writes a PNG file, as `encodePng`. */
export function writePng(path: string, ...picture: Parameters<typeof encodePng>): void {
  writeFileAtomic(path, encodePng(...picture));
}
