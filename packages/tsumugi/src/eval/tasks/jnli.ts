// JNLI: does the first sentence entail or contradict the second? Kurihara et al. 2022 (JGLUE). llm-jp-eval's protocol.
import { exactMatch } from '../metrics/exact-match.ts';
import { examplesSetting, jglueSource, loadJglue } from './jglue.ts';
import { fill, type LlmJpEvalSample, llmJpEvalTask } from './llm-jp-eval.ts';
import { readJsonLines } from './rows.ts';

const data = jglueSource('jnli');
const labels = ['entailment', 'contradiction', 'neutral'] as const;
const form = '前提：{premise}\n仮説：{hypothesis}';

export function readPairs(file: string): LlmJpEvalSample[] {
  return readJsonLines(file).map((row) => {
    const output = row.oneOf('label', labels);
    return {
      id: row.text('sentence_pair_id'),
      input: fill(form, { premise: row.text('sentence1'), hypothesis: row.text('sentence2') }),
      output,
      groups: [output],
    };
  });
}

export default llmJpEvalTask({
  name: 'jnli',
  version: 1,
  summary: 'natural language inference, one of three labels is written (llm-jp-eval)',
  metric: 'exact_match',
  data,
  instruction:
    '前提と仮説の関係をentailment、contradiction、neutralの中から回答してください。それ以外には何も含めないことを厳守してください。\n\n制約：\n- 前提から仮説が、論理的知識や常識的知識を用いて導出可能である場合はentailmentと出力\n- 前提と仮説が両立しえない場合はcontradictionと出力\n- そのいずれでもない場合はneutralと出力',
  form,
  wordingFrom: 'llm-jp-eval v1.3.0',
  maxTokens: 3,
  labels,
  load: (context) => loadJglue(context, data, readPairs),
  score: (answer, target) => ({ exact_match: exactMatch(answer, target) }),
  settings: (context) => examplesSetting(context, data),
});
