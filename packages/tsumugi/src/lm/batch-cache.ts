// What decoding remembers of many sequences of different lengths that go on side by side, one token each per step.
//
//   B sequences in use   K key/value heads   H query heads   d head size   W window   S keys in reach of the longest
//   attention  k, v [slots, K, room, d]; the key of position p lies at p, or in a windowed layer at p mod (W + 1): which key
//              comes first does not matter to attention, since RoPE has already turned them
//   Mamba      states as in cache.ts, a row per sequence
//
// Sequences 0 … B − 1 are in use. One that ends gives its place to the last, so those in use stay together.
import { invariant, ShapeError } from '../base/index.ts';
import { arange, cat, type Device, scope, type Tensor, tensor, zeros } from '../torch/index.ts';
import { AttentionCache, Cache, type CacheOwner, emptyMambaCache, MambaCache } from './cache.ts';
import { isMamba, windowOf } from './config.ts';

/** Where the sequences of a step write their key, and which keys they must not look at. */
interface Reach {
  /** [B, 1, 1, 1] int64 */
  place: Tensor;
  /** S */
  keys: number;
  /** [B, 1, 1, S]: true where a sequence has no key. */
  hidden: Tensor;
}

function reachOf(lengths: readonly number[], window: number | null, device: Device): Reach {
  const ring = window === null ? Number.POSITIVE_INFINITY : window + 1;
  const B = lengths.length;
  const counts = lengths.map((length) => Math.min(length + 1, ring));
  const keys = Math.max(...counts);
  const column = (values: readonly number[]) =>
    tensor(BigInt64Array.from(values, BigInt), { shape: [B, 1, 1, 1], device });
  const place = column(lengths.map((length) => (window === null ? length : length % ring)));
  return { place, keys, hidden: arange(0, keys, { device }).ge(column(counts)) };
}

/** Keys and values of one attention layer. */
export class RowAttentionCache {
  readonly window: number | null;
  readonly #slots: number;
  #k: Tensor | undefined;
  #v: Tensor | undefined;
  #reach: Reach | undefined;

  constructor(window: number | null, slots: number) {
    this.window = window;
    this.#slots = slots;
  }

  /** Tells what the coming `attend` is about. */
  startStep(reach: Reach): void {
    this.#reach = reach;
  }

  /**
   * Adds the B sequences' new keys and values and attends to all they can reach.
   *
   * @param q [B, H, d]
   * @param k [B, K, d], like v
   * @returns [B, H, d]
   */
  attend(q: Tensor, k: Tensor, v: Tensor): Tensor {
    const { place, keys: S, hidden } = this.#reach!;
    const [B, H, d] = q.shape as [number, number, number];
    const K = k.size(1);
    this.#makeRoom(S, k);
    const index = place.expand([B, K, 1, d]);
    const [keys, values] = [this.#k!, this.#v!].map((rows, i) =>
      rows
        .narrow(0, 0, B)
        .scatter_(2, index, (i === 0 ? k : v).unsqueeze(2))
        .narrow(2, 0, S),
    ) as [Tensor, Tensor]; // [B, K, S, d]
    const wide = q.dtype === 'float64' ? 'float64' : 'float32';
    const scores = q
      .view([B, K, H / K, d])
      .matmul(keys.transpose(2, 3))
      .to(wide)
      .mul(1 / Math.sqrt(d)); // [B, K, H/K, S]
    const weights = scores.maskedFill(hidden, Number.NEGATIVE_INFINITY).softmax(-1);
    return weights.to(q.dtype).matmul(values).reshape([B, H, d]);
  }

  /** Puts what a sequence of `length` tokens left in a cache of its own into `slot`. */
  admit(slot: number, cache: AttentionCache, length: number): void {
    const held = cache.held();
    invariant(held, 'a sequence has a first token');
    const n = held.k.size(1);
    const ring = this.window === null ? length : this.window + 1;
    this.#makeRoom(Math.min(length, ring), held.k.select(1, 0));
    for (let done = 0; done < n; ) {
      const place = (length - n + done) % ring;
      const count = Math.min(n - done, ring - place);
      for (const [rows, own] of [
        [this.#k!, held.k],
        [this.#v!, held.v],
      ] as const)
        rows
          .select(0, slot)
          .narrow(1, place, count)
          .copy_(own.select(0, 0).narrow(0, done, count).transpose(0, 1));
      done += count;
    }
  }

  /** Puts what the sequence in `slot`, of `length` tokens, can reach into an empty cache, oldest first. */
  extract(slot: number, cache: AttentionCache, length: number): void {
    const n = this.window === null ? length : Math.min(length, this.window);
    const ring = this.window === null ? length : this.window + 1;
    const first = (length - n) % ring;
    const runs = [
      [first, Math.min(n, ring - first)],
      [0, Math.max(0, first + n - ring)],
    ] as const;
    const [k, v] = [this.#k!, this.#v!].map((rows) =>
      cat(
        runs.map(([place, count]) => rows.select(0, slot).narrow(1, place, count)),
        1,
      )
        .transpose(0, 1)
        .unsqueeze(0),
    ) as [Tensor, Tensor]; // [1, n, K, d]
    cache.append(k, v);
  }

  move(from: number, to: number): void {
    for (const rows of [this.#k, this.#v]) rows?.select(0, to).copy_(rows.select(0, from));
  }

  /** Room for S keys of the kind of `like` [B, K, d]; what is there stays. */
  #makeRoom(S: number, like: Tensor): void {
    const room = this.#k?.size(2) ?? 0;
    if (S <= room) return;
    const [, K, d] = like.shape as [number, number, number];
    const most = this.window === null ? Number.POSITIVE_INFINITY : this.window + 1;
    const grown = Math.min(most, Math.max(64, 2 * S));
    const grow = (old: Tensor | undefined) => {
      // Zeros, since what is hidden still gets multiplied, by 0.
      const rows = zeros([this.#slots, K, grown, d], { dtype: like.dtype, device: like.device });
      if (old) rows.narrow(2, 0, room).copy_(old);
      old?.dispose();
      return rows.keep();
    };
    this.#k = grow(this.#k);
    this.#v = grow(this.#v);
  }

  dispose(): void {
    this.#k?.dispose();
    this.#v?.dispose();
  }
}

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

  constructor(owner: CacheOwner, { slots }: { slots: number }) {
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
  startStep(shape: readonly number[]): readonly number[] {
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
  endStep(): void {
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
