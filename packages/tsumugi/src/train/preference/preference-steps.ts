// The micro-batches of steps of pairs. Both answers of a pair are in one micro-batch, since its loss compares them.
import type { Mesh } from '../../mesh/index.ts';
import { completed, type ExampleBatch, layOut, type PreferenceExample } from '../../text/index.ts';
import { ItemSteps, inBatches, type RowsOptions } from './item-steps.ts';

/** Pairs that go through together: of N pairs the answers 0 … N−1 are the chosen ones, N … 2N−1 the rejected ones. */
export interface PairBatch {
  batch: ExampleBatch;
  /** Which pairs they are. */
  pairs: readonly number[];
}

export class PreferenceSteps extends ItemSteps<PreferenceExample> {
  /** The micro-batches of `step` (from 0, without end): over several ranks those of this rank. */
  at(step: number, mesh?: Mesh): PairBatch[] {
    return this.itemsOf(step, mesh).map((pairs) => pairBatch(this.items, pairs, this.options));
  }

  protected lengthsOf(pairs: readonly number[]): number[] {
    return sides.flatMap((side) => pairs.map((pair) => lengthOf(this.items[pair]!, side)));
  }
}

const sides = ['chosen', 'rejected'] as const;
const lengthOf = (pair: PreferenceExample, side: (typeof sides)[number]) => pair.prompt.length + pair[side].length;

/** These of all pairs as a batch. */
function pairBatch(all: readonly PreferenceExample[], pairs: readonly number[], rows: RowsOptions): PairBatch {
  const answers = sides.flatMap((side) =>
    pairs.map((pair) => completed(all[pair]!.prompt, all[pair]![side], all[pair]!.source)),
  );
  return { batch: layOut(answers, rows), pairs };
}

/** All pairs in their order, so many at a time; over ranks those of this one, undefined at a turn at which it has none. */
export function* pairBatches(
  pairs: readonly PreferenceExample[],
  options: RowsOptions & { batchSize: number },
  mesh?: Mesh,
): Generator<PairBatch | undefined> {
  for (const some of inBatches(pairs.length, options.batchSize, mesh))
    yield some.length === 0 ? undefined : pairBatch(pairs, some, options);
}
