// Stage: models and examples that none of them learned from → how many of their answers are right, with intervals, and some to read.
// Each model's answers are kept in a file of their own: a stage that was cut off asks only the models that are missing.
import { join } from 'node:path';
import { openBackend } from '../eval/index.ts';
import { defineStage, type StageInput } from '../recipe/index.ts';
import { formatInteger, Interrupt, Progress, type ProgressStream } from '../run/index.ts';
import { ruleScorer } from '../synth/index.ts';
import { readPrompts } from '../text/index.ts';
import { type ModelAnswers, modelAnswersSchema, type Question } from './answers-manifest.ts';
import { answersReport } from './answers-report.ts';
import { answersConfig } from './config.ts';
import { forwardMemory, largest } from './evaluate.ts';
import { keep, kept } from './kept.ts';
import { modelConfigOf } from './model-config.ts';
import { isGiven } from './open-rows.ts';
import { secondsPerHeldOutToken } from './training-forecast.ts';
import { rowsOf, tokensOfRow } from './tuning-inputs.ts';

type Config = ReturnType<typeof answersConfig.parse>;

export const answers = defineStage({
  name: 'answers',
  version: 1,
  makes: 'metrics',
  inputs: { models: ['model'], examples: 'examples' },
  config: answersConfig,
  output: 'results',
  resumes: true,
  dryRun: () => ({ limit: 4, maxTokens: 4 }),
  forecast({ config, inputs }) {
    const rows = Math.min(rowsOf(inputs.examples), config.limit ?? Number.POSITIVE_INFINITY);
    const tokens = rows * ((tokensOfRow(inputs.examples) ?? config.maxTokens) + config.maxTokens);
    const shapes = inputs.models.map(modelConfigOf);
    const batch = { batchTokens: 4096, sequenceLengths: [256] };
    return {
      seconds: shapes.reduce((sum, shape) => sum + tokens * secondsPerHeldOutToken(shape, 256), 1),
      memory: largest(shapes.map((shape) => forwardMemory(shape, batch))),
      diskBytes: 2 ** 20,
      lowers: { time: ['limit', 'maxTokens'] },
    };
  },
  async open({ config, inputs: { examples } }) {
    if (isGiven(examples)) await questionsOf(examples, config);
  },
  async run({ config, inputs, folder, stream }) {
    const questions = await questionsOf(inputs.examples, config);
    const found: ModelAnswers[] = [];
    const abort = new AbortController();
    using interrupt = new Interrupt((message) => {
      stream.write(`${message}\n`);
      abort.abort();
    });
    for (const model of inputs.models) {
      const file = join(folder, 'results', `${model.name}.json`);
      let each = kept(file, modelAnswersSchema, stream);
      if (each === undefined) {
        const said = await ask(model, questions, config, abort.signal, stream);
        if (said === undefined) return { interrupted: true };
        each = keep(file, said);
      }
      found.push(each);
      const right = each.answers.filter((answer) => answer.right).length;
      stream.write(`  ${model.name}: ${formatInteger(right)} of ${formatInteger(questions.length)} right\n`);
      if (await interrupt.poll()) return { interrupted: true };
    }
    return answersReport(questions, found, config.shown);
  },
});

/** The questions of the rows, each with what should be answered. @throws DataError for a row without a question or an answer */
async function questionsOf({ paths }: StageInput, { rule, limit }: Config): Promise<Question[]> {
  const scorer = ruleScorer(rule);
  const questions: Question[] = [];
  for await (const { prompt, values } of readPrompts(paths)) {
    scorer.check?.(values);
    const messages = typeof prompt === 'string' ? prompt : prompt.messages;
    questions.push({ prompt: messages as Question['prompt'], answer: String(values['answer']) });
    if (questions.length === limit) break;
  }
  return questions;
}

/** What a model answers, the likeliest token at each place; undefined when it was interrupted. */
async function ask(
  { name, path }: StageInput,
  questions: readonly Question[],
  { maxTokens, rule }: Config,
  signal: AbortSignal,
  stream: ProgressStream,
): Promise<ModelAnswers | undefined> {
  await using backend = await openBackend({ model: path });
  using progress = new Progress({ label: name, total: questions.length, stream });
  const requests = questions.map(({ prompt }) => ({
    ...({ kind: 'generate', prompt, maxTokens, stop: [], temperature: 0, topP: 1, seed: 0 } as const),
  }));
  const texts = new Map<number, string>();
  await backend.answer(
    requests,
    (index, answer) => {
      texts.set(index, 'text' in answer ? answer.text : '');
      progress.update({ step: texts.size });
    },
    signal,
  );
  if (texts.size < questions.length) return undefined;
  const items = questions.map(({ prompt, answer }, i) => ({ prompt, answer: texts.get(i)!, row: { answer } }));
  const scores = await ruleScorer(rule).score(items);
  return { model: name, answers: items.map(({ answer }, i) => ({ answer, right: scores[i] === 1 })) };
}
