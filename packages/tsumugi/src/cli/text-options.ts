// Options of the commands that read text.
import type { Writable } from 'node:stream';
import { formatInteger } from '../run/index.ts';
import { type Corpus, READABLE, type ReadOptions } from '../text/index.ts';

export const textOptions = {
  text: { type: 'list', value: 'PATH', required: true, help: `files and folders: ${READABLE}` },
  field: {
    type: 'string',
    value: 'NAME',
    default: 'text',
    help: 'field of jsonl or column of parquet that holds the text',
  },
  encoding: {
    type: 'string',
    value: 'NAME',
    help: 'encoding of the files, e.g. utf-8, euc-jp, shift_jis (default: detected)',
  },
  documentCharacters: { type: 'integer', min: 100, help: 'cut text files into documents of about N characters' },
} as const;

/** How the text is to be read, by the values of `textOptions`. */
export function readOptions(options: {
  field: string;
  encoding: string | undefined;
  documentCharacters: number | undefined;
}): ReadOptions {
  const { field, encoding, documentCharacters } = options;
  return {
    field,
    ...(encoding === undefined ? {} : { encoding }),
    ...(documentCharacters === undefined ? {} : { documentCharacters }),
  };
}

/** So many files are named; the rest are counted. */
const NAMED = 10;

/** Tells in how many documents a character was replaced, once they have been read. */
export function reportMended(stderr: Writable, { count, first }: Corpus['mended']): void {
  if (first === undefined) return;
  const documents = count === 1 ? '1 document holds' : `${formatInteger(count)} documents hold`;
  stderr.write(
    `note: ${documents} half of a surrogate pair, which is no character and is read as U+FFFD; the first is ${first.file}, row ${first.row}\n`,
  );
}

/** Tells which files in the folders were not read, if any. */
export function reportPassedOver(stderr: Writable, { leftOut, otherFormats, hidden }: Corpus['passedOver']): void {
  if (leftOut.length > 0) {
    stderr.write(`note: ${leftOut.length} of what the folders hold cannot be read and is left out:\n`);
    for (const { path, why } of leftOut.slice(0, NAMED)) stderr.write(`  ${path}: ${why}\n`);
    if (leftOut.length > NAMED) stderr.write(`  … and ${leftOut.length - NAMED} more\n`);
  }
  if (otherFormats + hidden > 0)
    stderr.write(`note: passed over in folders: ${otherFormats} of other formats, ${hidden} hidden\n`);
}
