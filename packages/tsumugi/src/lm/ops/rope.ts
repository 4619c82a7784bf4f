// Rotary position embedding (Su et al. 2021, arXiv 2104.09864), half rotation: dimension j turns together with j + d/2.
import { arange, cat, type Device, type DType, factoryDevice, scope, type Tensor, tensor } from '../../torch/index.ts';

export interface RopeTable {
  /** [T, d/2]: cosines of position · base^(−2j/d). */
  cos: Tensor;
  /** [T, d/2] */
  sin: Tensor;
}

/**
 * The rows for positions offset … offset + length − 1. Angles are computed in f64, so positions of tens of millions
 * keep f32's full accuracy (in f32 the angle of position 10⁷ would be off by half a radian).
 *
 * @param headDim d, even
 * @param base of the geometric series of frequencies, e.g. 10000
 */
export function ropeTable(
  length: number,
  headDim: number,
  base: number,
  options: { device?: Device | undefined; dtype?: DType | undefined; offset?: number | undefined } = {},
): RopeTable {
  const { device = factoryDevice(), dtype = 'float32', offset = 0 } = options;
  return scope(() => {
    const frequencies = Float64Array.from({ length: headDim / 2 }, (_, j) => base ** ((-2 * j) / headDim));
    const positions = arange(offset, offset + length, { dtype: 'float64' });
    const angles = positions.outer(tensor(frequencies));
    return { cos: angles.cos().to(dtype, device), sin: angles.sin().to(dtype, device) };
  });
}

/**
 * Rotates each head of x by its position's angles.
 *
 * @param x [B, T, H, d]
 * @param table at least T rows; row t belongs to token t
 */
export function rotate(x: Tensor, table: RopeTable): Tensor {
  const [first, second] = x.chunk(2, -1) as [Tensor, Tensor];
  const [cos, sin] = [table.cos, table.sin].map((rows) => rows.narrow(0, 0, x.size(1)).unsqueeze(1)) as [
    Tensor,
    Tensor,
  ];
  return cat([first.mul(cos).sub(second.mul(sin)), second.mul(cos).add(first.mul(sin))], -1).to(x.dtype);
}
