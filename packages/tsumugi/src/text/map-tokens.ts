// A shard file's tokens as an array over the file's own pages.
import { invariant } from '../base/index.ts';
import { MappedFile } from '../torch/index.ts';

/** Tokens of a file, until closed. */
export interface MappedTokens {
  tokens: Uint32Array;
  close(): void;
}

/** The tokens in `path`, whose size has been checked. The mapping ends when nothing refers to the array any more. */
export function mapTokens(path: string): MappedTokens {
  const bytes = new MappedFile(path).bytes;
  invariant(bytes.byteLength % 4 === 0, `${path} holds whole tokens`);
  return { tokens: new Uint32Array(bytes), close: () => {} };
}
