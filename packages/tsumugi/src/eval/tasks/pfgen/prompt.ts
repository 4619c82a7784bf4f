// What a model is asked: twenty other questions with their answers as examples, drawn anew for every question and trial by the
// order of SHA-1 hashes, then the question.
import { createHash } from 'node:crypto';
import type { Prompt } from '../../request.ts';
import type { ReferenceAnswer } from './questions.ts';

/** Text to go on with (base models), one message of a user, or a system's message and a user's. */
export const MODES = ['completion', 'qa', 'chat'] as const;
export type Mode = (typeof MODES)[number];

export interface PromptOptions {
  mode: Mode;
  /** Number of examples. */
  examples: number;
  /** "" in the benchmark. */
  seed: string;
}

/** The fixed wording. */
export const WORDING = {
  qa: '例と同様の文体及び文字数で、質問に1行で答えてください。',
  chat: '例と同様の文体及び文字数で、ユーザの質問に1行で答えてください。',
  examples: '## 回答例',
  question: '## 質問',
} as const;

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

/** White space as Python's `strip` knows it: separators U+001C … U+001F and U+0085 belong to it, a byte-order mark does not. */
const BLANK = '\\t-\\r\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const blank = new RegExp(`[${BLANK}]`);

export function strip(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && blank.test(text[start]!)) start++;
  while (end > start && blank.test(text[end - 1]!)) end--;
  return text.slice(start, end);
}

/** Trials count from 1. */
export function promptOf(
  { question }: ReferenceAnswer,
  references: readonly ReferenceAnswer[],
  trial: number,
  { mode, examples, seed }: PromptOptions,
): Prompt {
  const order = references
    .filter((other) => other.question !== question)
    .map((other) => ({ other, hash: sha1(`${seed}::${trial}::${other.question}`) }))
    .sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const shown = order.slice(0, examples).map(({ other }) => `Q: ${other.question}\nA: ${other.answer}`);
  const head = strip(`${WORDING.examples}\n${strip(shown.join('\n\n'))}`);
  if (mode === 'completion') return `${head}\n\nQ: ${question}\nA:`;
  if (mode === 'qa')
    return [{ role: 'user', content: `${WORDING.qa}\n\n${head}\n\n${WORDING.question}\nQ: ${question}` }];
  return [
    { role: 'system', content: `${WORDING.chat}\n\n${head}` },
    { role: 'user', content: `Q: ${question}` },
  ];
}

/**
 * The sampling seed of a trial, the same for all its questions. A question that is asked again would get the same empty answer
 * from it, so later rounds add their number (our choice; the benchmark leaves it to chance).
 */
export function samplingSeed(seed: string, trial: number, round: number): number {
  const label = `${seed}::${trial}${round > 1 ? `::${round}` : ''}`;
  return Number(BigInt(`0x${sha1(label)}`) % 2n ** 31n);
}

/** The answer in what a model wrote; "" where there is none. */
export function cleanAnswer(written: string, mode: Mode): string {
  const answer = strip(written);
  const at = mode === 'completion' ? -1 : answer.indexOf('A:');
  return at < 0 ? answer : strip(answer.slice(at + 2));
}
