// What decoding remembers of many sequences of different lengths that go on side by side, one token each per step: keys and
// values of attention layers (row-attention-cache.ts), and Mamba states as in cache.ts, a row per sequence.
//
// Sequences 0 … B − 1 are in use. One that ends gives its place to the last, so those in use stay together.
import { checkOptions, invariant, ShapeError } from '../base/index.ts';
import { scope } from '../torch/index.ts';
import { AttentionCache, Cache, type CacheOwner, emptyMambaCache, MambaCache } from './cache.ts';
import { isMamba, windowOf } from './config.ts';
import { type Reach, RowAttentionCache, reachOf } from './row-attention-cache.ts';

/** The state of many sequences being decoded together. `forward` takes one token of each, [B, 1]. */
export class BatchCache implements Disposable {
  readonly slots: number;
  /** Tokens each sequence in use has taken in. */
  readonly lengths: number[] = [];
  /** What the model's layers work with: Mamba states of the sequences in use, keys and values of all. */
  readonly layers: (RowAttentionCache | MambaCache)[];
  /** Mamba states of all slots; undefined for attention layers. */
  readonly #states: (MambaCache | undefined)[];
  readonly #owner: CacheOwner;

  constructor(owner: CacheOwner, options: { slots: number }) {
    checkOptions('BatchCache', options, { slots: true });
    const { slots } = options;
    const { config } = owner;
    this.slots = slots;
    this.#owner = owner;
    this.#states = Array.from({ length: config.num_hidden_layers }, (_, i) =>
      isMamba(config, i) ? emptyMambaCache(owner, slots, owner.parameterDType) : undefined,
    );
    this.layers = this.#states.map((state, i) => state ?? new RowAttentionCache(windowOf(config, i), slots));
  }

  /** Takes over a sequence: a cache of one row, which stays the caller's. Returns its index. */
  admit(cache: Cache): number {
    const slot = this.lengths.length;
    invariant(slot < this.slots, 'there is a free slot');
    scope(() => {
      for (const [i, own] of cache.layers.entries()) {
        const layer = this.layers[i]!;
        if (own instanceof AttentionCache) (layer as RowAttentionCache).admit(slot, own, cache.length);
        else {
          const state = this.#states[i]!;
          state.conv.select(0, slot).copy_(own.conv.select(0, 0));
          state.ssm.select(0, slot).copy_(own.ssm.select(0, 0));
        }
      }
    });
    this.lengths.push(cache.length);
    this.#showInUse();
    return slot;
  }

  /** Drops a sequence. The last one in use takes its index. */
  release(index: number): void {
    const last = this.lengths.length - 1;
    invariant(index <= last, 'the sequence is in use');
    scope(() => {
      if (index === last) return;
      for (const [i, layer] of this.layers.entries()) {
        if (layer instanceof RowAttentionCache) layer.move(last, index);
        else
          for (const rows of [this.#states[i]!.conv, this.#states[i]!.ssm])
            rows.select(0, index).copy_(rows.select(0, last));
      }
    });
    this.lengths[index] = this.lengths[last]!;
    this.lengths.pop();
    this.#showInUse();
  }

  /** A copy of a sequence, as a cache of its own: what `admit` takes over. */
  extract(index: number): Cache {
    const length = this.lengths[index];
    invariant(length !== undefined, 'the sequence is in use');
    const cache = new Cache(this.#owner);
    try {
      scope(() => {
        for (const [i, own] of cache.layers.entries()) {
          const layer = this.layers[i]!;
          if (own instanceof AttentionCache) (layer as RowAttentionCache).extract(index, own, length);
          else {
            const state = this.#states[i]!;
            own.conv.select(0, 0).copy_(state.conv.select(0, index));
            own.ssm.select(0, 0).copy_(state.ssm.select(0, index));
          }
        }
      });
    } catch (error) {
      cache.dispose();
      throw error;
    }
    cache.length = length;
    return cache;
  }

  /** Called by the model before its layers. Returns each sequence's position. @throws ShapeError when ids are not [B, 1] */
  startPass(shape: readonly number[]): readonly number[] {
    const B = this.lengths.length;
    if (B === 0 || shape.join() !== [B, 1].join())
      throw new ShapeError(
        'bad-ids',
        `forward: a batch of ${B} sequences takes ids [${B}, 1], got [${shape.join(', ')}]`,
      );
    const reaches = new Map<number | null, Reach>();
    for (const layer of this.layers) {
      if (!(layer instanceof RowAttentionCache)) continue;
      const reach = reaches.get(layer.window) ?? reachOf(this.lengths, layer.window, this.#owner.parameterDevice);
      reaches.set(layer.window, reach);
      layer.startStep(reach);
    }
    return this.lengths;
  }

  /** Called by the model after its layers. */
  endPass(): void {
    for (const i of this.lengths.keys()) this.lengths[i]!++;
  }

  /** Gives the layers the Mamba states of the sequences in use: views, changed in place. */
  #showInUse(): void {
    const B = this.lengths.length;
    for (const [i, state] of this.#states.entries()) {
      if (!state) continue;
      const shown = this.layers[i] as MambaCache;
      if (shown !== state) shown.dispose();
      this.layers[i] = scope(() => new MambaCache(state.conv.narrow(0, 0, B), state.ssm.narrow(0, 0, B)));
    }
  }

  [Symbol.dispose](): void {
    for (const layer of this.layers) layer.dispose();
    for (const state of this.#states) state?.dispose();
  }
}
