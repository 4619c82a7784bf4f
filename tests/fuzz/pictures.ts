// Broken copies of sound pictures that keep their structure: chunks and segments are moved, doubled, cut or changed, and their lengths
// and checksums then mended or not, so that what comes after the first check is reached as well.
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import type { RandomStream } from '../../packages/tsumugi/src/base/index.ts';
import { damage } from './fuzz.ts';

type Part = Buffer;

/** One part doubled, removed, moved, or changed by `change`. */
function mutateParts(parts: readonly Part[], random: RandomStream, change: (part: Part) => Part): Part[] {
  const all = [...parts];
  for (let n = 1 + random.below(2); n > 0 && all.length > 0; n--) {
    const [at, to] = [random.below(all.length), random.below(all.length)];
    const kind = random.below(8);
    if (kind === 0) all.splice(to, 0, all[at]!);
    else if (kind === 1) all.splice(at, 1);
    else if (kind === 2) all.splice(to, 0, ...all.splice(at, 1));
    else all[at] = change(all[at]!);
  }
  return all;
}

function pngChunks(bytes: Buffer): Part[] {
  const chunks: Part[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + bytes.readUInt32BE(at);
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

/** A chunk with other data, mostly with the length and the checksum that belong to them. */
function mutateChunk(chunk: Part, random: RandomStream): Part {
  const [type, data] = [chunk.subarray(4, 8), Buffer.from(chunk.subarray(8, -4))];
  let changed: Buffer = data;
  if (type.toString('latin1') === 'IHDR' && data.length >= 13 && random.below(2) === 0) {
    const field = random.below(7);
    const sizes = [0, 1, 36, 37, 38, 1000, 2 ** 16, 2 ** 31 - 1, 2 ** 32 - 1];
    if (field < 2) changed.writeUInt32BE(sizes[random.below(sizes.length)]!, 4 * field);
    else changed[6 + field] = [0, 1, 2, 3, 4, 6, 8, 16][random.below(8)]!;
  } else if (type.toString('latin1') === 'IDAT' && random.below(2) === 0) {
    try {
      changed = deflateSync(damage(random, inflateSync(data)), { level: 1 });
    } catch {
      changed = damage(random, data); // one of several chunks
    }
  } else changed = damage(random, data);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(random.below(20) === 0 ? random.nextUint32() : changed.length);
  sum.writeUInt32BE(random.below(20) === 0 ? random.nextUint32() : crc32(Buffer.concat([type, changed])));
  return Buffer.concat([length, type, changed, sum]);
}

export function mutatePng(bytes: Buffer, random: RandomStream): Buffer {
  if (random.below(4) === 0) return damage(random, bytes);
  const chunks = mutateParts(pngChunks(bytes), random, (chunk) => mutateChunk(chunk, random));
  return Buffer.concat([bytes.subarray(0, 8), ...chunks]);
}

/** Marker segments; what follows the start of a scan goes with it. */
function jpegSegments(bytes: Buffer): Part[] {
  const segments: Part[] = [];
  for (let at = 2; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    let end = at + 2 + length;
    if (bytes[at + 1] === 0xda)
      while (end < bytes.length && !(bytes[end] === 0xff && bytes[end + 1] !== 0 && (bytes[end + 1]! & 0xf8) !== 0xd0))
        end++;
    segments.push(bytes.subarray(at, end));
    at = end;
  }
  return segments;
}

function mutateSegment(segment: Part, random: RandomStream): Part {
  const changed = damage(random, segment.subarray(4));
  const head = Buffer.from(segment.subarray(0, 4));
  // A scan's length is that of its header, which comes before the coded data.
  if (head[1] !== 0xda && random.below(10) > 0) head.writeUInt16BE(Math.min(65_535, changed.length + 2), 2);
  if (random.below(20) === 0) head[1] = 0xc0 + random.below(64);
  return Buffer.concat([head, changed]);
}

export function mutateJpeg(bytes: Buffer, random: RandomStream): Buffer {
  if (random.below(4) === 0) return damage(random, bytes);
  const segments = mutateParts(jpegSegments(bytes), random, (segment) => mutateSegment(segment, random));
  return Buffer.concat([bytes.subarray(0, 2), ...segments, Buffer.of(0xff, 0xd9)]);
}
