// Where a large file of JSON lines can be cut so that several threads read it: at line ends, some megabytes apart. In UTF-8
// no part of a character looks like a line end, so only such files are cut.
import { closeSync, openSync, readSync } from 'node:fs';
import { COMPRESSED } from '../read-bytes.ts';
import type { SourceFile } from '../source-files.ts';

/** Bytes from one cut to the next. */
export const RANGE_BYTES = 2 ** 24;

const LINE_END = 0x0a;
const PIECE_BYTES = 2 ** 16;

/** Whether a file is worth cutting, and may be cut if it is in UTF-8. */
export const mayBeCut = ({ path, format, bytes }: SourceFile, rangeBytes = RANGE_BYTES): boolean =>
  format === 'jsonl' && bytes >= 2 * rangeBytes && !COMPRESSED.some((ending) => path.toLowerCase().endsWith(ending));

/** Ranges of whole lines, in order, which make up the file. */
export function lineRanges({ path, bytes }: SourceFile, rangeBytes = RANGE_BYTES): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  const descriptor = openSync(path, 'r');
  try {
    for (let from = 0; from < bytes; ) {
      const to = from + rangeBytes < bytes ? afterLineEnd(descriptor, from + rangeBytes, bytes) : bytes;
      ranges.push([from, to]);
      from = to;
    }
  } finally {
    closeSync(descriptor);
  }
  return ranges;
}

/** Where the first line begins after `from`, or the end of the file. */
function afterLineEnd(descriptor: number, from: number, end: number): number {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  for (let at = from; at < end; ) {
    const length = readSync(descriptor, piece, 0, piece.length, at);
    if (length === 0) break;
    const found = piece.subarray(0, length).indexOf(LINE_END);
    if (found >= 0) return Math.min(end, at + found + 1);
    at += length;
  }
  return end;
}

/** Lines that end before `to`. */
export function linesBefore(path: string, to: number): number {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  const descriptor = openSync(path, 'r');
  let lines = 0;
  try {
    for (let at = 0; at < to; ) {
      const length = readSync(descriptor, piece, 0, Math.min(piece.length, to - at), at);
      if (length === 0) break;
      for (let i = 0; i < length; i++) if (piece[i] === LINE_END) lines++;
      at += length;
    }
  } finally {
    closeSync(descriptor);
  }
  return lines;
}
