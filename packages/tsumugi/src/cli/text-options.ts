// Options of the verbs that read text.
import type { ReadOptions } from '../text/index.ts';

export const textOptions = {
  text: { type: 'list', value: 'PATH', required: true, help: 'files and folders: txt, md, jsonl, parquet' },
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
