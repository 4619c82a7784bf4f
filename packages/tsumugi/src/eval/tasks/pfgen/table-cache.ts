// Tables kept on disk: building them is most of the work of scoring. One file for each question, named by the SHA-1 of Qnn.json:
// a length, a JSON header and the arrays one after the other (little-endian), compressed by zstd with its checksum.
// A file that is missing, damaged or of another version is built anew.
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { cacheFolder, invariant, writeFileAtomic } from '../../../base/index.ts';
import { NgramTable } from './ngram-table.ts';
import type { Question } from './questions.ts';
import { buildTables, type GroupTable } from './score.ts';

/** Raised when the tables, the baselines or the format change. */
const VERSION = 1;

const COMPRESSION = {
  params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
};

interface Header {
  version: number;
  groups: {
    group: string;
    texts: number;
    baseline: number;
    lengths: [characters: number, nodes: number, inner: number];
  }[];
}

/** `tsumugi/pfgen` in `$XDG_CACHE_HOME`, otherwise in `~/.cache`. */
export const defaultCacheFolder = (): string => cacheFolder('pfgen');

function encode(tables: readonly GroupTable[]): Buffer {
  const groups = tables.map(({ group, texts, baseline, table }): Header['groups'][number] => {
    const { characters, symbols, firstChild } = table.arrays;
    return { group, texts, baseline, lengths: [characters.length, symbols.length, firstChild.length] };
  });
  const header = Buffer.from(JSON.stringify({ version: VERSION, groups } satisfies Header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const arrays = tables.flatMap(({ table: { arrays } }) =>
    [arrays.characters, arrays.symbols, arrays.counts, arrays.firstChild].map((array) =>
      Buffer.from(array.buffer, array.byteOffset, array.byteLength),
    ),
  );
  return zstdCompressSync(Buffer.concat([length, header, ...arrays]), COMPRESSION);
}

/** @throws when the bytes are not what `encode` writes */
function decode(compressed: Buffer): GroupTable[] {
  const bytes = zstdDecompressSync(compressed);
  let at = 4 + bytes.readUInt32LE(0);
  const { version, groups } = JSON.parse(bytes.toString('utf8', 4, at)) as Header;
  if (version !== VERSION) throw new Error(`version ${version}`);
  /** The next bytes, copied so that they are aligned. */
  const take = (length: number): ArrayBuffer => {
    if (at + length > bytes.length) throw new Error('too short');
    at += length;
    return Uint8Array.from(bytes.subarray(at - length, at)).buffer;
  };
  return groups.map(({ group, texts, baseline, lengths: [characters, nodes, inner] }) => {
    const arrays = {
      characters: new Uint32Array(take(4 * characters)),
      symbols: new Uint16Array(take(2 * nodes)),
      counts: new Uint16Array(take(2 * nodes)),
      firstChild: new Uint32Array(take(4 * inner)),
    };
    return { group, texts, baseline, table: new NgramTable(arrays) };
  });
}

/**
 * The tables of a question, from the folder if they are there; otherwise built, and kept there.
 *
 * @param folder undefined: they are built and not kept
 */
export function tablesOf(question: Question, folder: string | undefined): { tables: GroupTable[]; cached: boolean } {
  if (folder === undefined) return { tables: buildTables(question), cached: false };
  invariant(endianness() === 'LE', 'the tables are kept as a little-endian machine has them');
  const path = join(folder, `${question.sha1}.v${VERSION}.zst`);
  try {
    return { tables: decode(readFileSync(path)), cached: true };
  } catch {
    // Not there, or not whole: built below.
  }
  const tables = buildTables(question);
  try {
    writeFileAtomic(path, encode(tables));
  } catch {
    // A full disk or a folder that is not ours costs time in the next run, not the result of this one.
  }
  return { tables, cached: false };
}
