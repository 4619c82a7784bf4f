// Sentences of a Japanese text that can stand alone.
import { type Dropped, dropped } from './question.ts';

const ends = /(?<=[。！？!?][」』）)]*)(?![」』）)])/u;
const pairs = ['「」', '『』', '（）', '()', '【】', '“”'];

/** The sentences of a text, without white space around them. */
export function* sentencesOf(text: string): Generator<string> {
  for (const line of text.split('\n'))
    for (const sentence of line.split(ends)) {
      const trimmed = sentence.trim();
      if (trimmed !== '') yield trimmed;
    }
}

/** Our choice: shorter ones have no context, longer ones are mostly lists. */
const [SHORTEST, LONGEST] = [10, 80];

/** Why a sentence is none to ask about, or undefined. */
export function whyNotAsked(sentence: string): Dropped | undefined {
  if (sentence.length < SHORTEST) return dropped(`sentence shorter than ${SHORTEST} characters`);
  if (sentence.length > LONGEST) return dropped(`sentence longer than ${LONGEST} characters`);
  if (!/[。！？!?][」』）)]*$/u.test(sentence)) return dropped('no end of a sentence');
  if (pairs.some(([open, close]) => !isBalanced(sentence, open!, close!))) return dropped('half of a bracket or quote');
  if ((sentence.match(/\p{Script=Hiragana}/gu)?.length ?? 0) < 3) return dropped('fewer than 3 hiragana');
  return sentence.includes('（　）') ? dropped('a gap of its own') : undefined;
}

function isBalanced(text: string, open: string, close: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === open) depth++;
    if (character === close && --depth < 0) return false;
  }
  return depth === 0;
}
