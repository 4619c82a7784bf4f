// A sequence as named tensors, and back: snapshots on disk. The bits of what is written on from there are those of going on at once.
import { DataError } from '../../base/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { CachePool } from './cache-pool.ts';
import type { PagedSequence, SlotChain } from './paged-sequence.ts';

export interface SavedTensor {
  name: string;
  tensor: Tensor;
}

/** Where a layer's part of a sequence lies: rows of a tensor of the pool, by number. */
interface Part {
  name: string;
  rows: Tensor;
  numbers: bigint[];
}

function partsOf(sequence: PagedSequence, length: number, slot: number): Part[] {
  const { groups, groupOf, slots } = sequence.pool;
  return groupOf.flatMap((group, layer) => {
    if (!group) {
      const states = Object.entries(slots.states(layer));
      return states.map(([name, rows]) => ({ name: `layers.${layer}.${name}`, rows, numbers: [BigInt(slot)] }));
    }
    const list = sequence.lists[groups.indexOf(group)]!;
    const numbers = list.placesOf(list.reachOf(length), length);
    return Object.entries(group.pool(layer)).map(([name, pool]: [string, Tensor]) => ({
      name: `layers.${layer}.${name}`,
      rows: pool.view([pool.size(0) * pool.size(1), ...pool.shape.slice(2)]),
      numbers,
    }));
  });
}

/** What a sequence of at least one token holds: k and v [n, K, d] that can still be reached, conv [1, k−1, C] and ssm [1, m, P, N]. */
export function saveSequence(sequence: PagedSequence): SavedTensor[] {
  sequence.keepAll();
  return scope(() =>
    partsOf(sequence, sequence.length, sequence.slot)
      .filter(({ numbers }) => numbers.length > 0)
      .map(({ name, rows, numbers }) => ({ name, tensor: rows.indexSelect(0, indexOf(numbers, rows)) })),
  );
}

/**
 * A sequence of `length` tokens from what `saveSequence` gave of it.
 *
 * @throws CacheFull when the pool has no room; DataError when a tensor is missing or has another shape
 */
export function loadSequence(pool: CachePool, length: number, saved: readonly SavedTensor[]): PagedSequence {
  const sequence = pool.begin();
  let chain: SlotChain | undefined;
  try {
    pool.require(sequence.growth(length, 'piece').bytes);
    const tensors = new Map(saved.map(({ name, tensor }) => [name, tensor]));
    chain = sequence.prepare(length, 'piece');
    const slot = chain.to[0]!;
    noGrad(() =>
      scope(() => {
        for (const { name, rows, numbers } of partsOf(sequence, length, slot)) {
          if (numbers.length === 0) continue;
          const values = tensors.get(name);
          const shape = [numbers.length, ...rows.shape.slice(1)];
          if (values?.shape.join() !== shape.join() || values.dtype !== rows.dtype) throw misfit(name, shape, values);
          rows.indexCopy_(0, indexOf(numbers, rows), values);
        }
      }),
    );
    sequence.took(length, chain);
    return sequence;
  } catch (error) {
    if (chain) sequence.abandon(chain);
    sequence[Symbol.dispose]();
    throw error;
  }
}

const indexOf = (numbers: readonly bigint[], { device }: Tensor) => tensor(BigInt64Array.from(numbers), { device });

const misfit = (name: string, shape: readonly number[], got: Tensor | undefined) =>
  new DataError(
    'bad-snapshot',
    `a saved text does not fit the model: ${name} must be [${shape.join(', ')}], ${got ? `it is ${got.dtype} [${got.shape.join(', ')}]` : 'it is missing'}`,
    { remedy: 'Read the text again, and save it with this model.' },
  );
