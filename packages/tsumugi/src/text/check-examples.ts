// Examples that training can take: none longer than a row, each with something to predict.
import { DataError } from '../base/index.ts';
import type { Example } from './chat/example.ts';

/** Tokens that are predicted: the first of a text has nothing before it. */
export function countTargets(learned: Uint8Array): number {
  let count = 0;
  for (let i = 1; i < learned.length; i++) count += learned[i]!;
  return count;
}

/**
 * @throws DataError when examples are longer than a row or have nothing to predict, with how many and where the first is; when there
 *   are none
 */
export function checkExamples(examples: readonly Example[], sequenceLength: number): void {
  if (examples.length === 0)
    throw new DataError('no-examples', 'there are no examples to learn from', { remedy: 'Give data with rows.' });
  const long = examples.filter(({ ids }) => ids.length > sequenceLength);
  const longest = long.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  if (long.length > 0)
    throw refuse(
      'example-too-long',
      examples,
      long,
      `longer than a row of ${sequenceLength} tokens`,
      `Set sequenceLength=${longest}, which takes them all, or tooLong=cut (answers that do not fit are lost) or tooLong=drop.`,
    );
  const idle = examples.filter(({ learned }) => countTargets(learned) === 0);
  if (idle.length > 0)
    throw refuse('nothing-to-predict', examples, idle, 'without a token to predict', 'Leave them out, or mark what is to be learned.'); // biome-ignore format: one thought
}

function refuse(
  code: string,
  all: readonly Example[],
  some: readonly Example[],
  fault: string,
  remedy: string,
): DataError {
  const [{ source, ids }] = some as [Example];
  const are = some.length === 1 ? 'example is' : 'examples are';
  const first = `the first in ${source.file}, row ${source.row} with ${ids.length} tokens`;
  return new DataError(code, `${some.length} of ${all.length} ${are} ${fault}, ${first}`, {
    remedy,
    fields: { ...source, count: some.length, of: all.length },
  });
}
