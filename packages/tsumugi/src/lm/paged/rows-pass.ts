// A pass in which several texts take ids, one row for each id. Linear maps go over all rows; attention and states go by the row's own text,
// so that a row's result does not depend on the others. Letters as in cache-pool.ts; R rows are a batch of one, [1, R, …].
import { type Tensor, tensor } from '../../torch/index.ts';
import type { AttentionMemory, MambaMemory, PassMemory, ScanInputs } from '../layer-memory.ts';
import { convStep } from '../ops/conv-step.ts';
import { type KeyPool, pagedAttention, type Reaches } from '../ops/paged-attention.ts';
import { ssmStep } from '../ops/ssm-step.ts';
import type { CachePool } from './cache-pool.ts';
import type { PageList } from './page-list.ts';
import type { PagedSequence, SlotChain } from './paged-sequence.ts';

/** A text of the pass that has room for its ids. */
export interface PreparedRow {
  sequence: PagedSequence;
  ids: readonly number[];
  chain: SlotChain;
}

/** Where the rows of texts, each of which takes `tokens` from `start` on, find their keys in one group. */
function reachesOf(
  texts: readonly { list: PageList; start: number; tokens: number }[],
  owner: CachePool['owner'],
): Reaches {
  const rows = texts.flatMap(({ list, start, tokens }) =>
    Array.from({ length: tokens }, (_, i) => {
      const [first, last] = [list.reachOf(start + i), start + i];
      return { first, last, pages: list.pagesOf(first, last + 1) };
    }),
  );
  const most = Math.max(...rows.map(({ pages }) => pages.length));
  const table = new Int32Array(rows.length * most);
  for (const [r, { pages }] of rows.entries()) table.set(pages, r * most);
  const device = owner.parameterDevice;
  const column = (values: readonly number[]) => tensor(BigInt64Array.from(values, BigInt), { device });
  return {
    pages: tensor(table, { shape: [rows.length, most], device }),
    first: column(rows.map(({ first }) => first)),
    last: column(rows.map(({ last }) => last)),
    longest: Math.max(...rows.map(({ first, last }) => last - first + 1)),
  };
}

class RowKeys implements AttentionMemory {
  readonly #pool: KeyPool;
  readonly #reaches: Reaches;

  constructor(pool: KeyPool, reaches: Reaches) {
    this.#pool = pool;
    this.#reaches = reaches;
  }

  attend(q: Tensor, k: Tensor, v: Tensor): Tensor {
    return pagedAttention(q.select(0, 0), k.select(0, 0), v.select(0, 0), this.#pool, this.#reaches).unsqueeze(0);
  }
}

class RowStates implements MambaMemory {
  readonly #states: { conv: Tensor; ssm: Tensor };
  readonly #slots: SlotChain;

  constructor(states: { conv: Tensor; ssm: Tensor }, slots: SlotChain) {
    this.#states = states;
    this.#slots = slots;
  }

  convolve(u: Tensor, weight: Tensor): Tensor {
    return convStep(this.#states.conv, u.select(0, 0), weight, this.#slots).unsqueeze(0);
  }

  scan({ x, dt, bias, A, B, C, D }: ScanInputs): Tensor {
    const of = (each: Tensor) => each.select(0, 0);
    const inputs = { x: of(x), dt: of(dt), bias, A, B: of(B), C: of(C), D };
    return ssmStep(this.#states.ssm, inputs, this.#slots).unsqueeze(0);
  }
}

export class RowsPass implements PassMemory {
  readonly layers: readonly (AttentionMemory | MambaMemory)[];
  readonly #positions: number[];

  /** Makes tensors: inside a scope. */
  constructor(pool: CachePool, texts: readonly PreparedRow[]) {
    const { groups, groupOf, slots, owner } = pool;
    this.#positions = texts.flatMap(({ sequence, ids }) => ids.map((_, i) => sequence.length + i));
    const chain = {
      from: texts.flatMap(({ chain }) => chain.from),
      to: texts.flatMap(({ chain }) => chain.to),
    };
    const reaches = groups.map((_, g) =>
      reachesOf(
        texts.map(({ sequence, ids }) => ({
          list: sequence.lists[g]!,
          start: sequence.length,
          tokens: ids.length,
        })),
        owner,
      ),
    );
    this.layers = groupOf.map((group, layer) =>
      group
        ? new RowKeys(group.pool(layer), reaches[groups.indexOf(group)]!)
        : new RowStates(slots.states(layer), chain),
    );
  }

  startPass(): readonly number[] {
    return this.#positions;
  }

  endPass(): void {}
}
