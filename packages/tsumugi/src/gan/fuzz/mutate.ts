// Broken copies of sound files that keep their structure: chunks and segments are moved, doubled, cut or changed, and their lengths
// and checksums then mended or not, so that what comes after the first check is reached as well.
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import type { RandomStream } from '../../base/index.ts';

type Part = Buffer;

const odd = [0, 1, 2, 3, 7, 8, 16, 127, 128, 255];

/** A few bytes changed, inserted, removed, or the end cut off. */
export function mutateBytes(bytes: Buffer, random: RandomStream): Buffer {
  let changed = Buffer.from(bytes);
  for (let n = 1 + random.below(4); n > 0 && changed.length > 0; n--) {
    const at = random.below(changed.length);
    const kind = random.below(10);
    const byte = random.below(2) === 0 ? random.below(256) : odd[random.below(odd.length)]!;
    if (kind === 0) changed = Buffer.concat([changed.subarray(0, at), Buffer.of(byte), changed.subarray(at)]);
    else if (kind === 1) changed = Buffer.concat([changed.subarray(0, at), changed.subarray(at + 1)]);
    else if (kind === 2 && n === 1) changed = changed.subarray(0, at);
    else changed[at] = byte;
  }
  return changed;
}

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
      changed = deflateSync(mutateBytes(inflateSync(data), random), { level: 1 });
    } catch {
      changed = mutateBytes(data, random); // one of several chunks
    }
  } else changed = mutateBytes(data, random);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(random.below(20) === 0 ? random.nextUint32() : changed.length);
  sum.writeUInt32BE(random.below(20) === 0 ? random.nextUint32() : crc32(Buffer.concat([type, changed])));
  return Buffer.concat([length, type, changed, sum]);
}

export function mutatePng(bytes: Buffer, random: RandomStream): Buffer {
  if (random.below(4) === 0) return mutateBytes(bytes, random);
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
  const changed = mutateBytes(segment.subarray(4), random);
  const head = Buffer.from(segment.subarray(0, 4));
  // A scan's length is that of its header, which comes before the coded data.
  if (head[1] !== 0xda && random.below(10) > 0) head.writeUInt16BE(Math.min(65_535, changed.length + 2), 2);
  if (random.below(20) === 0) head[1] = 0xc0 + random.below(64);
  return Buffer.concat([head, changed]);
}

export function mutateJpeg(bytes: Buffer, random: RandomStream): Buffer {
  if (random.below(4) === 0) return mutateBytes(bytes, random);
  const segments = mutateParts(jpegSegments(bytes), random, (segment) => mutateSegment(segment, random));
  return Buffer.concat([bytes.subarray(0, 2), ...segments, Buffer.of(0xff, 0xd9)]);
}

/** JSON with a value replaced, a key renamed, or a branch doubled or gone. */
export function mutateJson(value: unknown, random: RandomStream): unknown {
  const strange = [
    null,
    -1,
    0.5,
    1e308,
    2 ** 31,
    2 ** 53,
    '',
    '..',
    '../../x',
    '/etc/hosts',
    '__proto__',
    'constructor',
    [],
    {},
    true,
  ];
  const pick = () => strange[random.below(strange.length)];
  if (Array.isArray(value)) {
    if (value.length === 0) return random.below(2) === 0 ? [pick()] : value;
    const at = random.below(value.length);
    const kind = random.below(6);
    if (kind === 0) return value.toSpliced(at, 1);
    if (kind === 1) return value.toSpliced(at, 0, value[at]);
    return value.with(at, mutateJson(value[at], random));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return pick();
    const at = random.below(entries.length);
    const [key, inner] = entries[at]!;
    const kind = random.below(8);
    if (kind === 0) entries.splice(at, 1);
    else if (kind === 1) entries[at] = [String(pick()), inner];
    else entries[at] = [key, mutateJson(inner, random)];
    return Object.fromEntries(entries);
  }
  return pick();
}
