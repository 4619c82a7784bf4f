// JCommonsenseQA: everyday knowledge, five choices. Kurihara et al. 2022, "JGLUE: Japanese General Language Understanding
// Evaluation". Twice: by the probability of the choices' texts, and by llm-jp-eval's protocol, which has the number written.
import { choiceTask } from '../choice-task.ts';
import { exactMatch } from '../metrics/exact-match.ts';
import { examplesSetting, jglueSource, loadJglue } from './jglue.ts';
import { fill, llmJpEvalPrompt, llmJpEvalTask, llmJpEvalWording } from './llm-jp-eval.ts';
import { readJsonLines } from './rows.ts';

const data = jglueSource('jcommonsenseqa');
const numbers = ['0', '1', '2', '3', '4'];

interface Question {
  id: string;
  question: string;
  choices: string[];
  label: number;
}

export function readQuestions(file: string): Question[] {
  return readJsonLines(file).map((row) => ({
    id: String(row.integer('q_id', 0, Number.MAX_SAFE_INTEGER)),
    question: row.text('question'),
    choices: numbers.map((number) => row.text(`choice${number}`)),
    label: row.integer('label', 0, 4),
  }));
}

// The choices' texts are what is written, so neither numbers nor llm-jp-eval's instruction about them fit: our wording.
const instruction = '質問と選択肢が与えられます。選択肢の中から、質問の答えとして最も適切なものを選んでください。';
const form = '質問：{question}\n選択肢：{choices}';

const inWords = ({ id, question, choices, label }: Question) => ({
  id,
  input: fill(form, { question, choices: choices.join('、') }),
  output: choices[label]!,
});

const numbered = '質問：{question}\n選択肢：0.{c0},1.{c1},2.{c2},3.{c3},4.{c4}';

export default [
  choiceTask<Question>({
    name: 'jcommonsenseqa',
    version: 1,
    summary: 'everyday knowledge, the likeliest of five choices',
    metric: 'acc',
    data,
    shots: 4,
    wording: llmJpEvalWording(instruction, form),
    load: (context) => loadJglue(context, data, readQuestions),
    prompt: (question, examples) => llmJpEvalPrompt(instruction, inWords(question), examples.map(inWords)),
    choices: ({ choices }) => choices,
    target: ({ label }) => label,
    settings: (context) => ({ wording: 'ours', ...examplesSetting(context, data) }),
  }),
  llmJpEvalTask({
    name: 'jcommonsenseqa-generate',
    version: 1,
    summary: 'everyday knowledge, the number of one of five choices is written (llm-jp-eval)',
    metric: 'exact_match',
    data,
    instruction:
      '質問と回答の選択肢を入力として受け取り、選択肢から回答を選択してください。なお、回答は選択肢の番号（例：0）でするものとします。 回答となる数値をint型で返し、他には何も含めないことを厳守してください。',
    form: numbered,
    wordingFrom: 'llm-jp-eval v1.3.0',
    maxTokens: 1,
    labels: numbers,
    load: (context) =>
      loadJglue(context, data, (file) =>
        readQuestions(file).map(({ id, question, choices, label }) => ({
          id,
          input: fill(numbered, { question, ...Object.fromEntries(choices.map((choice, i) => [`c${i}`, choice])) }),
          output: String(label),
        })),
      ),
    score: (answer, target) => ({ exact_match: exactMatch(answer, target) }),
    settings: (context) => examplesSetting(context, data),
  }),
];
