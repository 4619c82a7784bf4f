// The task: a model writes answers to the fifty questions, some trials of each, and they are scored.
import { ConfigError, sha256 } from '../../../base/index.ts';
import { requireExamples } from '../../examples.ts';
import type { GenerateTask, Metrics, SampleContext, SampleRecord, TaskContext, TaskResult } from '../../task.ts';
import {
  type Ask,
  type Asked,
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
import { cleanAnswer, type PromptOptions, promptOf } from './prompt.ts';
import { LICENCE, ORIGIN } from './question-files.ts';
import { metadataHash, type Question, type ReferenceAnswer } from './questions.ts';
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

/** A question in a trial, with what its prompt is made of: the examples are drawn from the other questions. */
export interface Trial extends Asked {
  id: string;
  question: Question;
  references: readonly ReferenceAnswer[];
  options: PromptOptions;
}

/** The questions of all trials, as many as the limit says. */
async function load(context: SampleContext): Promise<{ trials: Trial[]; questions: Question[] }> {
  const { trials, mode = context.chat ? 'qa' : 'completion' } = parseTaskOptions(context.options);
  const { questions, references: readReferences } = await loadQuestions(context.file(FILE));
  const references = readReferences();
  requireExamples(references.length - 1, context);
  // The benchmark's own order of examples and samples belongs to the empty seed.
  const seed = context.seed === 0 ? '' : String(context.seed);
  const options = { mode, examples: context.shots ?? EXAMPLES, seed };
  const questionOf = new Map(questions.map((question) => [question.question, question]));
  const planned = plan(references, trials).slice(0, context.limit);
  const trialsOf = planned.map((asked): Trial => {
    const question = questionOf.get(asked.reference.question)!;
    return { ...asked, id: `${String(asked.trial).padStart(3, '0')}/${question.id}`, question, references, options };
  });
  return { trials: trialsOf, questions };
}

const metricsOf = (scores: AnswerScores, answer: string): Metrics => ({
  score: scores.average,
  fluency: sum(Object.values(scores.fluency)),
  truthfulness: sum(Object.values(scores.truthfulness)),
  helpfulness: scores.helpfulness,
  length: codePointsOf(answer).length,
});

async function run(context: TaskContext, cacheFolder: string): Promise<TaskResult> {
  const { out } = parseTaskOptions(context.options);
  const { trials, questions } = await load(context);
  if (out !== undefined && trials.length % questions.length !== 0)
    throw new ConfigError('part-of-trial', `out needs whole trials, but --limit ${context.limit} cuts one`, {
      remedy: `Leave --limit out, or make it a multiple of ${questions.length}.`,
    });
  const { references, options } = trials[0]!;
  const { kind: engine, model } = context.model ?? { kind: 'unknown', model: 'unknown' };
  const config: RunConfig = { engine, model, mode: options.mode, examples: options.examples };
  using place = out === undefined ? undefined : openRun(out, config);
  const ask: Ask = (requests, ids) => context.ask(requests, ids);
  const generated = await generateAnswers(trials, references, options, ask);
  const scores = scoreAll(generated, questions, cacheFolder);
  if (place) await writeRun(place, config, generated, { questions: context.file(FILE), cacheFolder });
  return {
    records: trials.map(({ id, question, reference }, i): SampleRecord => {
      const { answer, request, written } = generated[i]!;
      return {
        id,
        metrics: metricsOf(scores[i]!, answer),
        groups: [question.category],
        ...(context.keepTexts && {
          prompt: request,
          answer: { read: answer, whole: written, scores: scores[i] },
          target: reference.answer,
        }),
      };
    }),
    settings: {
      mode: options.mode,
      shots: options.examples,
      temperature: TEMPERATURE,
      topP: TOP_P,
      maxTokens: MAX_TOKENS,
      seed: options.seed,
      trials: Math.ceil(trials.length / questions.length),
      questions: metadataHash(questions),
    },
    promptHash: sha256(JSON.stringify(generated.map(({ request }) => request.prompt))),
  };
}

/** @param cacheFolder where the tables are kept. Default: `defaultCacheFolder()` */
export function pfgenTask(cacheFolder?: string): GenerateTask<Trial> {
  const folder = () => cacheFolder ?? defaultCacheFolder();
  // One question's tables are in memory at a time: score the answers to a question one after the other.
  let last: { question: Question; scorer: AnswerScorer } | undefined;
  const scorerOf = (question: Question): AnswerScorer => {
    if (last?.question !== question)
      last = { question, scorer: new AnswerScorer(question, tablesOf(question, folder()).tables) };
    return last.scorer;
  };
  return {
    name: 'pfgen',
    version: 1,
    summary: 'pfgen-bench: short answers to 50 questions, judged by n-grams of reference texts and by keywords',
    metric: 'score',
    kind: 'generate',
    shots: EXAMPLES,
    data: {
      files: [FILE],
      origin: `${ORIGIN} (its folder data, packed: tar -cJf questions.tar.xz data)`,
      licence: LICENCE,
    },
    options: OPTIONS,
    // Each question draws its own examples: there are none that all share.
    samples: async (context) => ({ samples: (await load(context)).trials, shots: [] }),
    prompt: ({ reference, references, trial, options }) => promptOf(reference, references, trial, options),
    reference: ({ reference }) => reference.answer,
    score({ question, options }, text) {
      const answer = cleanAnswer(text, options.mode);
      return metricsOf(scorerOf(question).score(answer), answer);
    },
    run: (context) => run(context, folder()),
  };
}

export default pfgenTask();
