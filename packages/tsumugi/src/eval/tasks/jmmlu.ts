// JMMLU: school and professional knowledge, four choices (github.com/nlp-waseda/JMMLU): questions of MMLU in translation, and
// Japanese ones. By the probability of the letters, and by llm-jp-eval's protocol, which has the letter written; the prompt is
// the same. Both take their examples from the question's own subject, as MMLU does (Hendrycks et al. 2021), since the published
// files have no split: the last five questions of each are examples and not asked.
import { basename } from 'node:path';
import { choiceTask } from '../choice-task.ts';
import { exactMatch } from '../metrics/exact-match.ts';
import type { DataSource, SampleContext, Task } from '../task.ts';
import { readCsv } from './csv.ts';
import { fill, type LlmJpEvalSample, llmJpEvalPrompt, llmJpEvalTask, llmJpEvalWording } from './llm-jp-eval.ts';

const EXAMPLES = 5;
const letters: readonly string[] = ['A', 'B', 'C', 'D'];

// JMMLU's own two kinds. The last three are under another licence, in a folder of their own.
const japanese = ['japanese_history', 'world_history'];
const japaneseNcNd = ['japanese_idiom', 'japanese_civics', 'japanese_geography'];
const translated =
  'abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry college_computer_science college_mathematics college_medicine college_physics computer_security conceptual_physics econometrics electrical_engineering elementary_mathematics formal_logic global_facts high_school_biology high_school_chemistry high_school_computer_science high_school_european_history high_school_geography high_school_macroeconomics high_school_mathematics high_school_microeconomics high_school_physics high_school_psychology high_school_statistics human_aging human_sexuality international_law jurisprudence logical_fallacies machine_learning management marketing medical_genetics miscellaneous moral_disputes nutrition philosophy prehistory professional_accounting professional_medicine professional_psychology public_relations security_studies sociology virology world_religions'.split(
    ' ',
  );

const instruction =
  '与えられた質問と選択肢から、最も適切な回答を選択してください。なお、回答には選択肢のアルファベット（例：A）のみを含め、他には何も含めないことを厳守してください。';
const form = '質問：{question}\n選択肢：A.{A},B.{B},C.{C},D.{D}';

export function readSubject(file: string): LlmJpEvalSample[] {
  const subject = basename(file, '.csv');
  return readCsv(file, ['question', ...letters, 'answer']).map((row, i) => ({
    id: `${subject}/${i + 1}`,
    input: fill(form, {
      question: row.text('question'),
      ...Object.fromEntries(letters.map((letter) => [letter, row.text(letter)])),
    }),
    output: row.oneOf('answer', letters),
    groups: [subject, translated.includes(subject) ? 'translated' : 'japan-specific'],
  }));
}

/** The questions, one of each subject in turn so that --limit takes from all, each with its subject's examples. */
function load(context: SampleContext, data: DataSource) {
  const subjects = data.files.map((file) => {
    const questions = readSubject(context.file(file));
    const ownExamples = questions.slice(-EXAMPLES);
    return questions.slice(0, -EXAMPLES).map((question) => ({ ...question, ownExamples }));
  });
  const longest = Math.max(...subjects.map(({ length }) => length));
  const samples = Array.from({ length: longest }, (_, i) =>
    subjects.flatMap((subject) => subject.slice(i, i + 1)),
  ).flat();
  // How many are shown follows from these; which ones, from each question's subject.
  return { samples, examples: samples[0]!.ownExamples };
}

const settings = () => ({ examples: `last ${EXAMPLES} of each subject, not asked` });

function tasks(suffix: string, what: string, data: DataSource): Task[] {
  return [
    choiceTask<LlmJpEvalSample>({
      name: `jmmlu${suffix}`,
      version: 1,
      summary: `${what}, the likeliest of four letters`,
      metric: 'acc',
      data,
      shots: EXAMPLES,
      wording: llmJpEvalWording(instruction, form),
      load: (context) => load(context, data),
      prompt: (question, examples) => llmJpEvalPrompt(instruction, question, examples),
      choices: () => letters,
      target: ({ output }) => letters.indexOf(output),
      groups: ({ groups = [] }) => groups,
      settings: () => ({ wording: 'llm-jp-eval v1.3.0', ...settings() }),
    }),
    llmJpEvalTask({
      name: `jmmlu${suffix}-generate`,
      version: 1,
      summary: `${what}, one of four letters is written (llm-jp-eval)`,
      metric: 'exact_match',
      data,
      instruction,
      form,
      wordingFrom: 'llm-jp-eval v1.3.0',
      maxTokens: 1,
      labels: letters,
      load: (context) => load(context, data),
      score: (answer, target) => ({ exact_match: exactMatch(answer, target) }),
      settings,
    }),
  ];
}

const inFolder = (folder: string, subjects: readonly string[]) =>
  subjects.map((subject) => `jmmlu/${folder}/${subject}.csv`);

export default [
  ...tasks('', '53 subjects of school and profession', {
    files: inFolder('JMMLU', [...translated, ...japanese].sort()),
    origin: 'github.com/nlp-waseda/JMMLU, folder JMMLU',
    licence:
      'CC BY-SA 4.0; Japanese and world history: no commercial use but research and evaluation of language models',
  }),
  ...tasks('-japan', 'the five Japanese subjects', {
    files: [...inFolder('JMMLU', japanese), ...inFolder('JMMLU_NC_ND', japaneseNcNd)],
    origin: 'github.com/nlp-waseda/JMMLU, folders JMMLU and JMMLU_NC_ND',
    licence: 'CC BY-SA 4.0 (JMMLU) and CC BY-NC-ND 4.0 (JMMLU_NC_ND)',
  }),
];
