// From the scores of answers to a result: means and deviations over trials, the columns of the board. The roundings, and the
// order of the sums, are the benchmark's; without them the last digits differ.
import { invariant } from '../../../base/index.ts';
import { meanAndDeviation, roundDecimal, sum } from './rounding.ts';
import { type AnswerScores, codePointsOf } from './score.ts';

/** An answer as it is stored. */
export interface StoredAnswer {
  question: string;
  answer: string;
  timestamp?: string | undefined;
}

export interface ScoredAnswer extends StoredAnswer {
  scores: AnswerScores;
}

/** Means of the parts, by group where they are. */
export interface Parts {
  fluency: Record<string, number>;
  truthfulness: Record<string, number>;
  helpfulness: number;
  average: number;
}

interface Summary {
  score: number;
  /** Population standard deviation. */
  score_std: number;
  /** Characters (code points). */
  length: number;
  length_std: number;
  scores: Parts;
}

export interface QuestionResult extends Summary {
  question: string;
  /** The best answer, the worst, and those a quarter, half and three quarters of the way. */
  samples: Omit<ScoredAnswer, 'question'>[];
}

/** result.json without the hashes. */
export interface BoardResult extends Summary {
  num_trials: number;
  questions: Record<string, QuestionResult>;
}

const lengthOf = ({ answer }: StoredAnswer) => codePointsOf(answer).length;

function partsOf(answers: readonly ScoredAnswer[]): Parts {
  const mean = (value: (scores: AnswerScores) => number) =>
    roundDecimal(sum(answers.map(({ scores }) => value(scores))) / answers.length, 5);
  const byGroup = (part: 'fluency' | 'truthfulness') =>
    Object.fromEntries(
      Object.keys(answers[0]!.scores[part]).map((group) => [group, mean((scores) => scores[part][group]!)]),
    );
  return {
    fluency: byGroup('fluency'),
    truthfulness: byGroup('truthfulness'),
    helpfulness: mean((scores) => scores.helpfulness),
    average: mean((scores) => scores.average),
  };
}

/** Adds a question's parts to the totals, rounding each time. */
function accumulate(totals: Parts, parts: Parts, questions: number): void {
  const add = (total: number | undefined, value: number) => roundDecimal((total ?? 0) + value / questions, 5);
  for (const part of ['fluency', 'truthfulness'] as const)
    for (const [group, value] of Object.entries(parts[part])) totals[part][group] = add(totals[part][group], value);
  totals.helpfulness = add(totals.helpfulness, parts.helpfulness);
  totals.average = add(totals.average, parts.average);
}

function samplesOf(sorted: readonly ScoredAnswer[]): QuestionResult['samples'] {
  const indices = [0, 0.25, 0.5, 0.75, 1].map((ratio) => roundDecimal(ratio * (sorted.length - 1), 0));
  return [...new Set(indices)].map((index) => {
    const { question: _question, ...sample } = sorted[index]!;
    return sample;
  });
}

function questionResult(answers: readonly ScoredAnswer[]): QuestionResult {
  const sorted = answers.toSorted((a, b) => b.scores.average - a.scores.average);
  const [score, score_std] = meanAndDeviation(
    sorted.map(({ scores }) => scores.average),
    4,
  );
  const [length, length_std] = meanAndDeviation(sorted.map(lengthOf), 1);
  const { question } = sorted[0]!;
  return { question, score, score_std, length, length_std, scores: partsOf(sorted), samples: samplesOf(sorted) };
}

/**
 * @param answers by question id, in the order of the questions; a question's n-th answer belongs to trial n. Where questions have
 *   different numbers of answers, trials are as many as the fewest.
 */
export function boardResult(answers: ReadonlyMap<string, readonly ScoredAnswer[]>): BoardResult {
  const lists = [...answers.values()];
  invariant(lists.length > 0 && lists.every((list) => list.length > 0), 'a question without an answer');
  const trials = Math.min(...lists.map((list) => list.length));
  const trialScores = Array.from(
    { length: trials },
    (_, trial) => sum(lists.map((list) => list[trial]!.scores.average)) / lists.length,
  );
  const [score, score_std] = meanAndDeviation(trialScores, 4);
  const [length, length_std] = meanAndDeviation(lists.flat().map(lengthOf), 1);
  // Groups and questions are named by the data: `__proto__` is a name as any other.
  const scores: Parts = {
    fluency: Object.create(null),
    truthfulness: Object.create(null),
    helpfulness: 0,
    average: 0,
  };
  const questions: Record<string, QuestionResult> = Object.create(null);
  for (const [id, list] of answers) {
    const result = questionResult(list);
    questions[id] = result;
    accumulate(scores, result.scores, lists.length);
  }
  return { num_trials: trials, score, score_std, length, length_std, scores, questions };
}

/** The three columns of the board: fluency and truthfulness summed over the groups. */
export function totals({ fluency, truthfulness, helpfulness }: Parts) {
  const total = (groups: Record<string, number>) => roundDecimal(sum(Object.values(groups)), 5);
  return { fluency: total(fluency), truthfulness: total(truthfulness), helpfulness };
}
