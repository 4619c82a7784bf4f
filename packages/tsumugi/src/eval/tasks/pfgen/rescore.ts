// Scores stored answers: `tsumugi eval pfgen`. Reads the questions, takes or builds their tables one question after the other,
// scores the answers, and puts the result together.
import { checkOptions, DataError, type OptionNames } from '../../../base/index.ts';
import { readAnswers } from './answers.ts';
import { type BoardResult, boardResult, type ScoredAnswer, totals } from './board.ts';
import { loadQuestions } from './load.ts';
import { metadataHash } from './questions.ts';
import { AnswerScorer } from './score.ts';
import { defaultCacheFolder, tablesOf } from './table-cache.ts';

export interface RescoreOptions {
  /** A folder with Qnn.json, with a data/ that has them, or with questions.tar.xz; or such an archive. */
  questions: string;
  /** A .jsonl (also .xz, .gz, .zst), or a folder with trials.jsonl.xz, trials.jsonl or trial_001.jsonl, …. */
  answers: string;
  /** Where tables are kept; null keeps none. Default: `defaultCacheFolder()`. */
  cacheFolder?: string | null | undefined;
  onProgress?: ((progress: RescoreProgress) => void) | undefined;
}

const rescoreOptions: OptionNames<RescoreOptions> = {
  questions: true,
  answers: true,
  cacheFolder: true,
  onProgress: true,
};

export interface RescoreProgress {
  /** Questions that are done, and all of them. */
  done: number;
  total: number;
  /** The question that was done last. */
  question: string;
  /** Whether its tables were on disk. */
  cached: boolean;
}

/** result.json of the benchmark, and the three columns of the board. */
export interface Rescored extends BoardResult {
  input_hash: string;
  metadata_hash: string;
  config?: Record<string, unknown>;
  fluency: number;
  truthfulness: number;
  helpfulness: number;
}

/**
 * Scores stored answers.
 *
 * @throws DataError or FormatError naming file, row and field; DataError when a question has no answer
 */
export async function rescorePfgen(options: RescoreOptions): Promise<Rescored> {
  checkOptions('rescorePfgen', options, rescoreOptions);
  const { questions } = await loadQuestions(options.questions);
  const texts = questions.map(({ question }) => question);
  const { answers, inputHash, config } = await readAnswers(options.answers, texts);
  const byQuestion = Map.groupBy(answers, ({ question }) => question);
  const missing = questions.filter(({ question }) => !byQuestion.has(question)).map(({ id }) => id);
  if (missing.length > 0)
    throw new DataError('missing-answers', `${options.answers} has no answer to ${missing.join(', ')}`, {
      remedy: 'Let the model answer every question: a mean over some of them is not comparable.',
      fields: { path: options.answers, missing },
    });
  const cacheFolder = options.cacheFolder === null ? undefined : (options.cacheFolder ?? defaultCacheFolder());
  const scored = new Map<string, ScoredAnswer[]>();
  for (const [i, question] of questions.entries()) {
    const { tables, cached } = tablesOf(question, cacheFolder);
    const scorer = new AnswerScorer(question, tables);
    scored.set(
      question.id,
      byQuestion.get(question.question)!.map((answer) => ({ ...answer, scores: scorer.score(answer.answer) })),
    );
    options.onProgress?.({ done: i + 1, total: questions.length, question: question.id, cached });
  }
  const result = boardResult(scored);
  return {
    input_hash: inputHash,
    metadata_hash: metadataHash(questions),
    ...(config && { config }),
    ...result,
    ...totals(result.scores),
  };
}
