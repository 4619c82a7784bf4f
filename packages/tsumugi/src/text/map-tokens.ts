// A shard file's tokens as an array.
import { readFileSync } from 'node:fs';
import { invariant } from '../base/index.ts';

/** Tokens of a file, until closed. */
export interface MappedTokens {
  tokens: Uint32Array;
  close(): void;
}

/** The tokens in `path`, whose size has been checked. */
export function mapTokens(path: string): MappedTokens {
  const bytes = readFileSync(path);
  invariant(bytes.byteLength % 4 === 0, `${path} holds whole tokens`);
  const copy = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  return { tokens: new Uint32Array(copy.buffer, copy.byteOffset, copy.byteLength / 4), close: () => {} };
}
