// JSQuAD: the answer to a question, out of a paragraph of Wikipedia. Kurihara et al. 2022 (JGLUE). llm-jp-eval's protocol:
// the paragraph as it is in the file ("title [SEP] text"), and the first of a question's answers is the target.
import { charF1 } from '../metrics/char-f1.ts';
import { exactMatch } from '../metrics/exact-match.ts';
import { examplesSetting, jglueSource, loadJglue } from './jglue.ts';
import { fill, type LlmJpEvalSample, llmJpEvalTask } from './llm-jp-eval.ts';
import { readJsonFile } from './rows.ts';

const data = jglueSource('jsquad');
const form = '文章：{context}\n質問：{question}';

export function readQuestions(file: string): LlmJpEvalSample[] {
  return readJsonFile(file)
    .rows('data')
    .flatMap((article) => article.rows('paragraphs'))
    .flatMap((paragraph) =>
      paragraph.rows('qas').map((qa) => ({
        id: qa.text('id'),
        input: fill(form, { context: paragraph.text('context'), question: qa.text('question') }),
        output: qa.rows('answers')[0]!.text('text'),
      })),
    );
}

export default llmJpEvalTask({
  name: 'jsquad',
  version: 1,
  summary: 'reading comprehension, the answer is written (llm-jp-eval)',
  metric: 'char_f1',
  data,
  instruction:
    '質問に対する回答を文章から一言で抽出してください。回答は名詞で答えてください。 それ以外には何も含めないことを厳守してください。',
  form,
  wordingFrom: 'llm-jp-eval v1.3.0',
  maxTokens: 25,
  load: (context) => loadJglue(context, data, readQuestions),
  score: (answer, target) => ({ char_f1: charF1(answer, target), exact_match: exactMatch(answer, target) }),
  settings: (context) => examplesSetting(context, data),
});
