// A pass that reads a piece of one text: the keys before it are gathered from their pages, the kernels of whole texts compute, and what
// coming tokens can reach goes to the pages and the slot. Letters as in cache-pool.ts; a piece is a batch of one, [1, T, …].
import { cat, type Tensor, tensor } from '../../torch/index.ts';
import type { AttentionMemory, MambaMemory, PassMemory, ScanInputs } from '../layer-memory.ts';
import { windowedAttention } from '../ops/attention.ts';
import { causalConv, convState } from '../ops/causal-conv.ts';
import type { KeyPool } from '../ops/paged-attention.ts';
import { deltaOf, ssdScan } from '../ops/ssd-scan.ts';
import type { PageList } from './page-list.ts';
import type { PagedSequence, SlotChain } from './paged-sequence.ts';
import { EMPTY_SLOT } from './state-slots.ts';

/** [pages, page, K, d] → [pages·page, K, d]: one row for each position that there is room for. */
const flat = (pool: Tensor) => pool.view([pool.size(0) * pool.size(1), ...pool.shape.slice(2)]);

/** In a group's pages laid end to end. */
interface Places {
  /** Of the keys before the piece that it can reach. */
  past: Tensor | undefined;
  /** Of its last `kept` tokens. */
  written: Tensor;
  kept: number;
}

class PieceKeys implements AttentionMemory {
  readonly #pool: KeyPool;
  readonly #window: number | null;
  readonly #places: Places;

  constructor(pool: KeyPool, window: number | null, places: Places) {
    this.#pool = pool;
    this.#window = window;
    this.#places = places;
  }

  attend(q: Tensor, k: Tensor, v: Tensor): Tensor {
    const { past, written, kept } = this.#places;
    const reach = (pool: Tensor, own: Tensor) =>
      past ? cat([flat(pool).indexSelect(0, past).unsqueeze(0), own], 1) : own;
    const y = windowedAttention(q, reach(this.#pool.k, k), reach(this.#pool.v, v), { window: this.#window });
    // A window keeps the end of a piece only.
    const from = k.size(1) - kept;
    if (kept > 0) {
      flat(this.#pool.k).indexCopy_(0, written, k.select(0, 0).narrow(0, from, kept));
      flat(this.#pool.v).indexCopy_(0, written, v.select(0, 0).narrow(0, from, kept));
    }
    return y;
  }
}

class PieceStates implements MambaMemory {
  readonly #states: { conv: Tensor; ssm: Tensor };
  readonly #from: number;
  readonly #to: number;

  constructor(states: { conv: Tensor; ssm: Tensor }, { from, to }: SlotChain) {
    this.#states = states;
    this.#from = from[0]!;
    this.#to = to[0]!;
  }

  #before(all: Tensor): Tensor | undefined {
    return this.#from === EMPTY_SLOT ? undefined : all.narrow(0, this.#from, 1);
  }

  convolve(u: Tensor, weight: Tensor): Tensor {
    const state = this.#before(this.#states.conv)?.transpose(1, 2); // [1, C, k−1]
    const c = causalConv(u, weight, { state });
    const after = convState(u, weight.size(2), state);
    this.#states.conv.select(0, this.#to).copy_(after.select(0, 0).t());
    return c;
  }

  scan({ x, dt, bias, A, B, C, D }: ScanInputs, chunk: number): Tensor {
    const options = { chunk, initialState: this.#before(this.#states.ssm), returnState: true };
    const { y, state } = ssdScan(x, deltaOf(dt, bias), A, B, C, D, options);
    this.#states.ssm.select(0, this.#to).copy_(state!.select(0, 0));
    return y;
  }
}

export class PiecePass implements PassMemory {
  readonly layers: readonly (AttentionMemory | MambaMemory)[];
  readonly #start: number;

  /** Of a sequence that has room for the piece. Makes tensors: inside a scope. */
  constructor(sequence: PagedSequence, tokens: number, chain: SlotChain) {
    const { groups, groupOf, slots, owner } = sequence.pool;
    const start = sequence.length;
    this.#start = start;
    const indices = (places: readonly bigint[]) =>
      tensor(BigInt64Array.from(places), { device: owner.parameterDevice });
    const placesOf = (list: PageList): Places => {
      const from = Math.max(start, list.reachOf(start + tokens));
      const first = list.reachOf(start);
      return {
        past: first < start ? indices(list.placesOf(first, start)) : undefined,
        written: indices(list.placesOf(from, start + tokens)),
        kept: start + tokens - from,
      };
    };
    const places = sequence.lists.map(placesOf);
    this.layers = groupOf.map((group, layer) =>
      group
        ? new PieceKeys(group.pool(layer), group.window, places[groups.indexOf(group)]!)
        : new PieceStates(slots.states(layer), chain),
    );
  }

  startPass(): number {
    return this.#start;
  }

  endPass(): void {}
}
