// The method of conjugate gradients (Hestenes & Stiefel 1952) for a symmetric positive definite matrix that is known only by what it
// makes of vectors.
import type { Tensor } from '../../torch/index.ts';

/**
 * x with A x = b, from x = 0: at most `iterations` steps, and until the residual's norm is below `tolerance`.
 *
 * @param product v → A v
 * @param b [n]
 */
export function conjugateGradient(
  product: (v: Tensor) => Tensor,
  b: Tensor,
  iterations: number,
  tolerance = 1e-10,
): Tensor {
  let x = b.mul(0);
  let residual = b;
  let direction = b;
  let square = b.dot(b).item();
  if (Math.sqrt(square) < tolerance) return x;
  for (let i = 0; i < iterations; i++) {
    const image = product(direction);
    const length = square / direction.dot(image).item();
    x = x.add(direction, { alpha: length });
    residual = residual.sub(image, { alpha: length });
    const next = residual.dot(residual).item();
    if (Math.sqrt(next) < tolerance) return x;
    direction = residual.add(direction, { alpha: next / square });
    square = next;
  }
  return x;
}
