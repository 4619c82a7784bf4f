// The task: a model writes answers to the fifty questions, some trials of each, and they are scored.
import { ConfigError, sha256 } from '../../../base/index.ts';
import { requireExamples } from '../../examples.ts';
import type { SampleRecord, Task, TaskContext, TaskResult } from '../../task.ts';
import {
  type Ask,
  EXAMPLES,
  type Generated,
  generateAnswers,
  MAX_TOKENS,
  plan,
  TEMPERATURE,
  TOP_P,
} from './generate.ts';
import { loadQuestions } from './load.ts';
import { OPTIONS, parseTaskOptions } from './options.ts';
import { LICENCE, ORIGIN } from './question-files.ts';
import { metadataHash, type Question } from './questions.ts';
import { sum } from './rounding.ts';
import { openRun, type RunConfig, writeRun } from './run-files.ts';
import { AnswerScorer, type AnswerScores, codePointsOf } from './score.ts';
import { defaultCacheFolder, tablesOf } from './table-cache.ts';

const FILE = 'pfgen/questions.tar.xz';

/** The scores of answers, in their order. One question's tables are in memory at a time. */
function scoreAll(
  generated: readonly Generated[],
  questions: readonly Question[],
  cacheFolder: string | undefined,
): AnswerScores[] {
  const scores: AnswerScores[] = [];
  for (const question of questions) {
    const indices = [...generated.keys()].filter((i) => generated[i]!.reference.question === question.question);
    if (indices.length === 0) continue;
    const scorer = new AnswerScorer(question, tablesOf(question, cacheFolder).tables);
    for (const i of indices) scores[i] = scorer.score(generated[i]!.answer);
  }
  return scores;
}

function recordOf(
  { trial, answer, reference, request, written }: Generated,
  { id, category }: Question,
  scores: AnswerScores,
  keepTexts: boolean,
): SampleRecord {
  return {
    id: `${String(trial).padStart(3, '0')}/${id}`,
    metrics: {
      score: scores.average,
      fluency: sum(Object.values(scores.fluency)),
      truthfulness: sum(Object.values(scores.truthfulness)),
      helpfulness: scores.helpfulness,
      length: codePointsOf(answer).length,
    },
    groups: [category],
    ...(keepTexts && { prompt: request, answer: { read: answer, whole: written, scores }, target: reference.answer }),
  };
}

async function run(context: TaskContext, cacheFolder: string): Promise<TaskResult> {
  const { trials, mode = context.chat ? 'qa' : 'completion', out } = parseTaskOptions(context.options);
  const { questions, references: readReferences } = await loadQuestions(context.file(FILE));
  const references = readReferences();
  requireExamples(references.length - 1, context);
  const planned = plan(references, trials).slice(0, context.limit);
  if (out !== undefined && planned.length % questions.length !== 0)
    throw new ConfigError('part-of-trial', `out needs whole trials, but --limit ${context.limit} cuts one`, {
      remedy: `Leave --limit out, or make it a multiple of ${questions.length}.`,
    });
  // The benchmark's own order of examples and samples belongs to the empty seed.
  const seed = context.seed === 0 ? '' : String(context.seed);
  const options = { mode, examples: context.shots ?? EXAMPLES, seed };
  const { kind: engine, model } = context.model ?? { kind: 'unknown', model: 'unknown' };
  const config: RunConfig = { engine, model, mode, examples: options.examples };
  using place = out === undefined ? undefined : openRun(out, config);
  const ask: Ask = (requests, ids) => context.ask(requests, ids);
  const generated = await generateAnswers(planned, references, options, ask);
  const scores = scoreAll(generated, questions, cacheFolder);
  if (place) await writeRun(place, config, generated, { questions: context.file(FILE), cacheFolder });
  const questionOf = new Map(questions.map((question) => [question.question, question]));
  return {
    records: generated.map((each, i) =>
      recordOf(each, questionOf.get(each.reference.question)!, scores[i]!, context.keepTexts),
    ),
    settings: {
      ...{ mode, shots: options.examples, temperature: TEMPERATURE, topP: TOP_P, maxTokens: MAX_TOKENS, seed },
      trials: Math.ceil(planned.length / questions.length),
      questions: metadataHash(questions),
    },
    promptHash: sha256(JSON.stringify(generated.map(({ request }) => request.prompt))),
  };
}

/** @param cacheFolder where the tables are kept. Default: `defaultCacheFolder()` */
export function pfgenTask(cacheFolder?: string): Task {
  return {
    name: 'pfgen',
    version: 1,
    summary: 'pfgen-bench: short answers to 50 questions, judged by n-grams of reference texts and by keywords',
    metric: 'score',
    asks: ['generate'],
    shots: EXAMPLES,
    data: {
      files: [FILE],
      origin: `${ORIGIN} (its folder data, packed: tar -cJf questions.tar.xz data)`,
      licence: LICENCE,
    },
    options: OPTIONS,
    run: (context) => run(context, cacheFolder ?? defaultCacheFolder()),
  };
}

export default pfgenTask();
