// How well a model predicts the fixed prompts themselves.
import { type Plamo2, scoreText } from '../../lm/index.ts';
import type { Tokenizer } from '../../text/index.ts';
import { gatePrompts } from './prompts.ts';

/** Bits per character over all prompts together, which models of different tokenizers can be compared by. */
export function bitsOnPrompts(model: Plamo2, tokenizer: Tokenizer): number {
  const characters = gatePrompts.reduce((sum, text) => sum + [...text].length, 0);
  return gatePrompts.reduce((sum, text) => sum - scoreText(model, tokenizer, text).total, 0) / Math.LN2 / characters;
}
