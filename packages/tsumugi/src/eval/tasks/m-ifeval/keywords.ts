// keywords: words that must, must not, or must so often be there. A word is there only as a token of the morphological
// analyser: one that it cuts in two (色落ち → 色 | 落ち) never is. That is the benchmark's rule, kept so that scores stay comparable.
import { strip } from '../../white-space.ts';
import type { Tools, Verifier } from './verifier.ts';

const wordsOf = (tools: Tools, text: string) => tools.tokens(text).map((token) => token.surface);

export const existence: Verifier = (fields, tools) => {
  const keywords = fields.texts('keywords');
  return (response) => {
    const words = new Set(wordsOf(tools, response));
    return keywords.every((keyword) => words.has(keyword));
  };
};

export const forbiddenWords: Verifier = (fields, tools) => {
  const forbidden = fields.texts('forbidden_words');
  return (response) => {
    const words = new Set(wordsOf(tools, response));
    return !forbidden.some((word) => words.has(word));
  };
};

export const frequency: Verifier = (fields, tools) => {
  const keyword = strip(fields.text('keyword'));
  const holds = fields.relation('relation', 'frequency');
  return (response) => holds(wordsOf(tools, response).filter((word) => word === keyword).length);
};

/** One hiragana and its katakana, which is 96 code points on (か and カ). */
export const letterFrequency: Verifier = (fields) => {
  const letter = fields.text('letter');
  if (!/^[ぁ-ん]$/.test(letter)) throw fields.wrong('letter', 'one hiragana');
  const twin = String.fromCharCode(letter.charCodeAt(0) + 96);
  const holds = fields.relation('let_relation', 'let_frequency');
  return (response) => holds(response.split(letter).length + response.split(twin).length - 2);
};
