// A tokenizer from a file or folder, with the hash that token shards are bound to.
import { sha256File } from '../base/index.ts';
import { readTokenizerFiles, Tokenizer } from '../text/index.ts';

export interface OpenedTokenizer {
  tokenizer: Tokenizer;
  /** The tokenizer.jsonl it was read from. */
  path: string;
  /** SHA-256 of that file. */
  sha256: string;
}

/** @throws DataError when there is none, FormatError when it is malformed */
export function openTokenizer(fileOrFolder: string): OpenedTokenizer {
  const { path, pieces, config } = readTokenizerFiles(fileOrFolder);
  return { tokenizer: Tokenizer.fromPieces(pieces, { ...config, source: path }), path, sha256: sha256File(path) };
}
