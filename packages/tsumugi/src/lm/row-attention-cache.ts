// Keys and values of one attention layer for many sequences of different lengths, one token each per step.
//
//   B sequences in use   K key/value heads   H query heads   d head size   W window   S keys in reach of the longest
//   k, v [slots, K, room, d]; the key of position p lies at p, or in a windowed layer at p mod (W + 1): which key comes first does
//   not matter to attention, since RoPE has already turned them
import { invariant } from '../base/index.ts';
import { arange, cat, type Device, type Tensor, tensor, zeros } from '../torch/index.ts';
import type { AttentionCache } from './cache.ts';

/** Where the sequences of a step write their key, and which keys they must not look at. */
export interface Reach {
  /** [B, 1, 1, 1] int64 */
  place: Tensor;
  /** S */
  keys: number;
  /** [B, 1, 1, S]: true where a sequence has no key. */
  hidden: Tensor;
}

/** @param lengths tokens of each sequence before the step */
export function reachOf(lengths: readonly number[], window: number | null, device: Device): Reach {
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
