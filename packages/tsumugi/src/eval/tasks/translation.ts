// Translation of everyday sentences, English ↔ Japanese (Tatoeba's, with human translations). The template is llm-jp-eval's, the
// instructions are ours. Data: jisho-database.ts.
import { bleu, bleuOfCharacters } from '../metrics/bleu.ts';
import { chrf } from '../metrics/chrf.ts';
import type { SampleContext } from '../task.ts';
import { databaseSetting, draw, jisho, queryJisho } from './jisho-database.ts';
import { type LlmJpEvalSample, llmJpEvalTask } from './llm-jp-eval.ts';

export interface Pair {
  id: string;
  japanese: string;
  english: string;
}

/** The pairs whose two sentences have no other translation in the database. */
export function readPairs(context: SampleContext): Pair[] {
  const rows = queryJisho<keyof Pair>(context, 'SELECT id, japanese, english FROM sentences ORDER BY id') as Pair[];
  const translations = new Map<string, Set<string>>();
  for (const { japanese, english } of rows)
    for (const [from, to] of [
      [japanese, english],
      [english, japanese],
    ] as const)
      translations.set(from, (translations.get(from) ?? new Set()).add(to));
  const single = new Map<string, Pair>();
  for (const pair of rows)
    if (
      translations.get(pair.japanese)!.size === 1 &&
      translations.get(pair.english)!.size === 1 &&
      !single.has(pair.japanese)
    )
      single.set(pair.japanese, pair);
  return [...single.values()];
}

function load(context: SampleContext, sampleOf: (pair: Pair) => LlmJpEvalSample) {
  // One draw for both directions.
  const { samples, examples } = draw(readPairs(context), 'translation');
  return { samples: samples.map(sampleOf), examples: examples.map(sampleOf) };
}

const shared = {
  version: 1,
  metric: 'chrf',
  data: jisho,
  form: '{sentence}',
  wordingFrom: 'ours',
  maxTokens: 256,
} as const;

export const translateEnJa = llmJpEvalTask({
  ...shared,
  name: 'translate-en-ja',
  summary: 'everyday sentences from English into Japanese',
  instruction: '次の英語の文を日本語に訳してください。訳文だけを書き、ほかには何も書かないでください。',
  load: (context) => load(context, ({ id, english, japanese }) => ({ id, input: english, output: japanese })),
  score: (answer, target) => ({ chrf: chrf(answer, target), bleu_char: bleuOfCharacters(answer, target) }),
  settings: databaseSetting,
});

export const translateJaEn = llmJpEvalTask({
  ...shared,
  name: 'translate-ja-en',
  summary: 'everyday sentences from Japanese into English',
  instruction: '次の日本語の文を英語に訳してください。訳文だけを書き、ほかには何も書かないでください。',
  load: (context) => load(context, ({ id, english, japanese }) => ({ id, input: japanese, output: english })),
  score: (answer, target) => ({ chrf: chrf(answer, target), bleu: bleu(answer, target) }),
  settings: databaseSetting,
});

export default [translateEnJa, translateJaEn];
