// Examples to measure on: a share of those that there are.
import { hash } from 'node:crypto';
import { DataError, deriveSeed } from '../base/index.ts';

/**
 * A share of the examples, chosen by the seed and the tokens that tell them apart, at least one; those of equal tokens stay on one side.
 * More than the share, where it takes that to have one of each kind.
 *
 * @throws DataError when that leaves nothing to learn from
 */
export function holdOut<T>(
  examples: readonly T[],
  share: number,
  seed: number,
  tokensOf: (example: T) => Int32Array,
  kindOf: (example: T) => unknown = () => undefined,
): { examples: T[]; heldOut: T[] } {
  const own = deriveSeed(seed, 'held-out');
  const keyOf = (example: T) => hash('sha256', Buffer.concat([Buffer.from(String(own)), bytesOf(tokensOf(example))]));
  const groups = [...Map.groupBy(examples, keyOf)].sort(([a], [b]) => (a < b ? -1 : 1));
  if (groups.length < 2)
    throw new DataError('empty-split', `the data has ${count(examples)}: too few to hold some out`, {
      remedy: 'Give more, or heldOut=FILE with examples to measure on.',
      fields: { examples: examples.length },
    });
  const chosen = new Set<T>();
  const missing = new Set(examples.map(kindOf));
  for (const [, group] of groups.slice(0, -1)) {
    if (missing.size === 0 && chosen.size >= share * examples.length) break;
    for (const each of group) {
      chosen.add(each);
      missing.delete(kindOf(each));
    }
  }
  return { examples: examples.filter((each) => !chosen.has(each)), heldOut: [...chosen] };
}

const count = ({ length }: readonly unknown[]) =>
  length === 1 ? 'one example' : length === 0 ? 'no examples' : `${length} examples, all alike`;
const bytesOf = (ids: Int32Array) => Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
