// The scale (and offset) of a block that its weights lose least with: weighted least squares over candidates. For whole numbers q
// chosen by a candidate, the best d and m of x ≈ d·q + m have a closed form; what is left of Σ w x² after it says which candidate
// is best, and the best one's d and m choose another q (Lloyd's iteration). Our own search.
import { scope, type Tensor, where } from '../../../torch/index.ts';
import { inverse, round_, sumOfProduct, sumOver } from './columns.ts';

/** How much finer (or coarser) than the whole range a candidate's steps are, in steps. Our choice: measured, see docs/export.md. */
const affineCandidates = [-2.2, -1.8, -1.4, -1, -0.6, -0.2, 0.2, 0.6];
const symmetricCandidates = [-3, -2.4, -1.8, -1.2, -0.6, 0, 0.6];
const refinements = 1;

/** x ≈ d·q + m for each block, q in 0 … top. [..., B] each. */
interface Affine {
  d: Tensor;
  m: Tensor;
}

/** q = x·scale + shift, as a whole number in low … high; scale and shift are [..., 1, B]. */
export const wholes = (x: Tensor, scale: Tensor, shift: Tensor, low: number, high: number): Tensor =>
  round_(x.mul(scale).add_(shift)).clamp_(low, high);

/** Σ w q, Σ w q x and Σ w q² of blocks [S, n, B]: [S, B] each. q holds whole numbers, so without w the sums of them are exact. */
export function momentsOf(q: Tensor, x: Tensor, w: Tensor | undefined): [sq: Tensor, sqx: Tensor, sqq: Tensor] {
  if (w) {
    using wq = q.mul(w);
    return [sumOver(wq, 1), sumOfProduct(wq, x, 1), sumOfProduct(wq, q, 1)];
  }
  using square = q.mul(q);
  return [q.sum(1), sumOfProduct(q, x, 1), square.sum(1)];
}

/**
 * @param x [S, n, B]: S blocks of n elements in each of B columns
 * @param w weights of the squared errors, like x
 * @param top the largest q
 * @param belowZero whether m must not be above 0
 * @returns d ≥ 0 and m, [S, B] each
 */
export function fitAffine(x: Tensor, w: Tensor | undefined, top: number, belowZero: boolean): Affine {
  return scope(() => {
    const wx = w ? x.mul(w) : x;
    const [sw, sx, sxx] = [w && sumOver(w, 1), sumOver(wx, 1), sumOfProduct(wx, x, 1)];
    const count = x.size(1);
    const low = belowZero ? x.amin(1).clamp_(null, 0) : x.amin(1);
    const range = x.amax(1).sub(low);
    let best: Affine = { d: range.div(top), m: low };
    let least = sxx.mul(0).add_(Number.POSITIVE_INFINITY);

    const attempt = (scale: Tensor, m: Tensor) =>
      scope(() => {
        const q = wholes(x, scale.unsqueeze(1), m.mul(scale).neg().unsqueeze(1), 0, top);
        const [sq, sqx, sqq] = momentsOf(q, x, w);
        const det = (sw ? sqq.mul(sw) : sqq.mul(count)).sub(sq.square());
        const free = (sw ? sqx.mul(sw) : sqx.mul(count)).sub(sx.mul(sq)).div(det);
        const offset = sqq.mul(sx).sub(sq.mul(sqx)).div(det);
        const fixed = belowZero ? offset.gt(0) : undefined;
        const d = fixed ? where(fixed, sqx.div(sqq), free) : free;
        const newM = fixed ? offset.maskedFill(fixed, 0) : offset;
        const left = sxx.sub(d.mul(sqx)).sub(newM.mul(sx));
        // Where all q are alike nothing can be solved: the comparison is false for what is no number.
        const better = left.lt(least).logicalAnd(d.gt(0));
        best = { d: where(better, d, best.d), m: where(better, newM, best.m) };
        least = where(better, left, least);
        return [best.d, best.m, least];
      });

    for (const change of affineCandidates) attempt(inverse(range).mul(top + change), low);
    for (let i = 0; i < refinements; i++) attempt(inverse(best.d), best.m);
    return best;
  });
}

/**
 * x ≈ d·q with q in −top … top − 1.
 *
 * @param x [S, n, B]
 * @returns d, of either sign: [S, B]
 */
export function fitSymmetric(x: Tensor, w: Tensor | undefined, top: number): Tensor {
  return scope(() => {
    let best = signedPeak(x, 1).div(-top);
    let most = best.mul(0).sub_(1);
    const zero = best.mul(0).unsqueeze(1);
    const attempt = (scale: Tensor) =>
      scope(() => {
        const q = wholes(x, scale.unsqueeze(1), zero, -top, top - 1);
        const [, sqx, sqq] = momentsOf(q, x, w);
        const d = sqx.div(sqq);
        const gain = sqx.mul(d);
        const better = gain.gt(most);
        best = where(better, d, best);
        most = where(better, gain, most);
        return [best, most];
      });
    const first = inverse(best);
    for (const change of symmetricCandidates) attempt(first.mul((top + change) / top));
    for (let i = 0; i < refinements; i++) attempt(inverse(best));
    return best;
  });
}

/** The element of largest magnitude along `dim`, with its sign. */
export function signedPeak(x: Tensor, dim: number): Tensor {
  const [high, low] = [x.amax(dim), x.amin(dim)];
  return where(high.ge(low.neg()), high, low);
}
