// Attention of one new token of each of several texts to the keys of its own, which lie in pages of a common pool. Not differentiable.
//
//   R rows   H query heads   K key/value heads   d head size
import { ShapeError } from '../../base/index.ts';
import { arange, customOperator, kernelTakes, noGrad, scope, type Tensor } from '../../torch/index.ts';

const kernel = customOperator('tsumugi::paged_attention');

/** Where each row finds its keys: position p in page `pages[r][⌊p/page⌋ − ⌊first/page⌋]`, at place p mod page. */
export interface Reaches {
  /** [R, most] int32 */
  pages: Tensor;
  /** [R] int64: the first position that it sees. */
  first: Tensor;
  /** [R] int64: its own position. */
  last: Tensor;
  /** Positions of the longest. */
  longest: number;
}

/** The keys and values of a layer, [pages, page, K, d] each. */
export interface KeyPool {
  k: Tensor;
  v: Tensor;
}

/**
 * Writes the rows' keys and values to their places, then softmax(q·kᵀ/√d)·v of each row over its positions. Query head h reads
 * key/value head ⌊h·K/H⌋. A row of a text may see the keys of rows before it.
 *
 * @param q [R, H, d]
 * @param k [R, K, d], like v
 * @returns [R, H, d]
 */
export function pagedAttention(q: Tensor, k: Tensor, v: Tensor, pool: KeyPool, reaches: Reaches): Tensor {
  const [R, H, d] = q.shape;
  const [, K, size] = k.shape;
  if (
    q.ndim !== 3 ||
    k.shape.join() !== [R, K, d].join() ||
    H! % K! !== 0 ||
    pool.k.shape.slice(2).join() !== [K, size].join()
  )
    throw new ShapeError(
      'wrong-shape',
      `pagedAttention: expected q [R, H, d], k and v [R, K, d] and pools [pages, page, K, d], got [${q.shape.join(', ')}], [${k.shape.join(', ')}] and [${pool.k.shape.join(', ')}]`,
    );
  return noGrad(() =>
    kernelTakes('tsumugi::paged_attention', q, k, v, pool.k, pool.v)
      ? kernel(q, k, v, pool.k, pool.v, reaches.pages, reaches.first, reaches.last)
      : pagedAttentionPlain(q, k, v, pool, reaches),
  );
}

/** The plain twin of `pagedAttention`: any device and dtype; scores and weights are f32 at least. */
export function pagedAttentionPlain(q: Tensor, k: Tensor, v: Tensor, pool: KeyPool, reaches: Reaches): Tensor {
  return noGrad(() =>
    scope(() => {
      const [R, H, d] = q.shape as [number, number, number];
      const [pages, page, K] = pool.k.shape as [number, number, number];
      const [first, last] = [reaches.first.unsqueeze(1), reaches.last.unsqueeze(1)]; // [R, 1]
      const quotient = (each: Tensor) => each.sub(each.remainder(page)).div(page).to('int64');
      const placesOf = (positions: Tensor) =>
        reaches.pages
          .to('int64')
          .gather(1, quotient(positions).sub(quotient(first)))
          .mul(page)
          .add(positions.remainder(page));
      const [keys, values] = [pool.k, pool.v].map((each) => each.view([pages * page, K, d])) as [Tensor, Tensor];
      keys.indexCopy_(0, placesOf(last).flatten(), k);
      values.indexCopy_(0, placesOf(last).flatten(), v);
      const positions = first.add(arange(0, reaches.longest, { device: q.device })); // [R, S]
      const hidden = positions.gt(last);
      const places = placesOf(positions.minimum(last)).flatten();
      const wide = q.dtype === 'float64' ? 'float64' : 'float32';
      const gathered = (each: Tensor) =>
        each.indexSelect(0, places).view([R, reaches.longest, K, d]).transpose(1, 2).to(wide); // [R, K, S, d]
      const scores = q
        .to(wide)
        .reshape([R, K, H / K, d])
        .matmul(gathered(keys).transpose(2, 3))
        .div(Math.sqrt(d)); // [R, K, H/K, S]
      const weights = scores.maskedFill(hidden.unsqueeze(1).unsqueeze(1), Number.NEGATIVE_INFINITY).softmax(-1);
      return weights.matmul(gathered(values)).reshape([R, H, d]).to(q.dtype);
    }),
  );
}
