// Examples that training can take: none longer than a row, each with something to predict. What is done with the others is counted.
import { DataError } from '../base/index.ts';
import type { Example } from './chat/example.ts';

/** What is done with an example that is longer than a row. */
export const tooLongWays = ['refuse', 'cut', 'skip'] as const;
export type TooLong = (typeof tooLongWays)[number];

/** What became of the examples that were given. */
export interface ExampleReport {
  /** Examples that are learned from. */
  examples: number;
  /** Their tokens, and those of them that are predicted. */
  tokens: number;
  predicted: number;
  /** Tokens of the longest example, as it was given. */
  longest: number;
  /** Those longer than a row, which lost their ends. */
  cut: number;
  /** Those longer than a row, which were left out. */
  skipped: number;
  /** Those left out because no token of theirs is predicted: nothing in them is to be learned, or the cut took it. */
  withoutTargets: number;
}

/** Tokens that are predicted: the first of a text has nothing before it. */
export function countTargets(learned: Uint8Array): number {
  let count = 0;
  for (let i = 1; i < learned.length; i++) count += learned[i]!;
  return count;
}

const place = ({ source: { file, row } }: Example) => `${file}, row ${row}`;

/**
 * @throws DataError when examples are longer than a row and `tooLong` is 'refuse', and when nothing is left to predict
 */
export function fitExamples(
  given: readonly Example[],
  sequenceLength: number,
  tooLong: TooLong,
): { examples: Example[]; report: ExampleReport } {
  const report = { examples: 0, tokens: 0, predicted: 0, longest: 0, cut: 0, skipped: 0, withoutTargets: 0 };
  const long = given.filter(({ ids }) => ids.length > sequenceLength);
  for (const { ids } of given) report.longest = Math.max(report.longest, ids.length);
  if (tooLong === 'refuse' && long.length > 0)
    throw tooLongExamples(long, given.length, sequenceLength, report.longest);
  const examples: Example[] = [];
  for (const example of given) {
    const isLong = example.ids.length > sequenceLength;
    if (isLong && tooLong === 'skip') {
      report.skipped++;
      continue;
    }
    const fitted = isLong ? cutTo(example, sequenceLength) : example;
    const predicted = countTargets(fitted.learned);
    if (predicted === 0) {
      report.withoutTargets++;
      continue;
    }
    if (isLong) report.cut++;
    report.tokens += fitted.ids.length;
    report.predicted += predicted;
    examples.push(fitted);
  }
  report.examples = examples.length;
  if (examples.length === 0) throw nothingToPredict(given, report, sequenceLength);
  return { examples, report };
}

const cutTo = ({ ids, learned, source }: Example, length: number): Example => ({
  ids: ids.subarray(0, length),
  learned: learned.subarray(0, length),
  source,
});

function tooLongExamples(long: readonly Example[], all: number, sequenceLength: number, longest: number): DataError {
  const [first] = long as [Example];
  const are = long.length === 1 ? 'example is' : 'examples are';
  return new DataError(
    'example-too-long',
    `${long.length} of ${all} ${are} longer than a row of ${sequenceLength} tokens, the first in ${place(first)} with ${first.ids.length}`,
    {
      remedy: `Set sequenceLength=${longest}, which takes them all, or tooLong=cut (their ends are lost) or tooLong=skip.`,
      fields: { file: first.source.file, row: first.source.row, longest, sequenceLength },
    },
  );
}

function nothingToPredict(given: readonly Example[], report: ExampleReport, sequenceLength: number): DataError {
  if (given.length === 0)
    return new DataError('no-examples', 'there are no examples to learn from', { remedy: 'Give data with rows.' });
  const why =
    report.skipped > 0
      ? `${report.skipped} are longer than a row of ${sequenceLength} tokens, and ${report.withoutTargets} have no token that is to be learned`
      : 'no token of them is to be learned';
  return new DataError('nothing-to-predict', `none of the ${given.length} examples has anything to predict: ${why}`, {
    remedy: 'Look at some rows with --show 3: what is coloured is learned.',
    fields: { given: given.length, ...report },
  });
}
