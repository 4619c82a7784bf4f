// JSTS: how close in meaning are two sentences, 0.0 … 5.0? Kurihara et al. 2022 (JGLUE). llm-jp-eval's protocol.
import { pearson, readScore, spearman, UNREADABLE_SCORE } from '../metrics/correlation.ts';
import type { SampleRecord } from '../task.ts';
import { examplesSetting, jglueSource, loadJglue } from './jglue.ts';
import { fill, type LlmJpEvalSample, llmJpEvalTask } from './llm-jp-eval.ts';
import { readJsonLines } from './rows.ts';

const data = jglueSource('jsts');
const form = '文1：{sentence1}\n文2：{sentence2}';

export function readPairs(file: string): LlmJpEvalSample[] {
  return readJsonLines(file).map((row) => ({
    id: row.text('sentence_pair_id'),
    input: fill(form, { sentence1: row.text('sentence1'), sentence2: row.text('sentence2') }),
    output: row.number('label', 0, 5).toFixed(1),
  }));
}

const column = (records: readonly SampleRecord[], name: string) => records.map(({ metrics }) => metrics[name]!);

export default llmJpEvalTask({
  name: 'jsts',
  version: 2,
  summary: 'semantic similarity of sentences, a score is written (llm-jp-eval)',
  metric: 'pearson',
  data,
  // "Return whole numbers only" contradicts the examples; it is in the original.
  instruction:
    '日本語の文ペアの意味がどのくらい近いかを判定し、類似度を0.0〜5.0までの間の値で付与してください。0.0に近いほど文ペアの意味が異なり、5.0に近いほど文ペアの意味が似ていることを表しています。整数値のみを返し、それ以外には何も含めないことを厳守してください。',
  form,
  wordingFrom: 'llm-jp-eval v1.3.0',
  maxTokens: 3,
  labels: ['0.0', '1.2', '3.4', '5.0'],
  load: (context) => loadJglue(context, data, readPairs),
  score: (answer, target) => ({ predicted: readScore(answer), expected: Number(target) }),
  aggregate: {
    pearson: (records) => pearson(column(records, 'predicted'), column(records, 'expected')),
    spearman: (records) => spearman(column(records, 'predicted'), column(records, 'expected')),
    unreadable: (records) =>
      column(records, 'predicted').filter((score) => score === UNREADABLE_SCORE).length / records.length,
  },
  settings: (context) => examplesSetting(context, data),
});
