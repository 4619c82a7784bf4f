// How likely a model finds a text.
import type { Tokenizer } from '../text/index.ts';
import { tokenLogprobs } from './score.ts';
import type { LanguageModel } from './types.ts';

export interface TextScore {
  /** The pieces of the text. */
  pieces: string[];
  /** The natural-log probability of each piece after those before it. */
  logprobs: Float64Array;
  /** Of the whole text: their sum. */
  total: number;
  /** −total / ln 2 / characters: bits for each character (code point). */
  bitsPerCharacter: number;
}

/**
 * The log-probability of a text as a document of its own: after BOS, and without control pieces, whatever it spells; as
 * `generateText` reads a prompt. `tokenLogprobs` scores ids as they are.
 *
 *     scoreText(model, tokenizer, '吾輩は猫である。').total
 */
export function scoreText(model: LanguageModel, tokenizer: Tokenizer, text: string): TextScore {
  const ids = tokenizer.encode(text, { addBos: true, safe: true });
  const logprobs = tokenLogprobs(model, ids);
  const total = logprobs.reduce((sum, each) => sum + each, 0);
  return {
    pieces: ids.slice(1).map((id) => tokenizer.piece(id)!.text),
    logprobs,
    total,
    bitsPerCharacter: -total / Math.LN2 / [...text].length,
  };
}
