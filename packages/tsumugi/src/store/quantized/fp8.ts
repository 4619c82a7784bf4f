// FP8 weights in E4M3 ("fn": no infinities, ±448 is the largest; Micikevicius et al. 2022, arXiv 2209.05433), with a scale.
//
//   weight        F8_E4M3 [out, in]
//   weight_scale  f32 [] for the tensor, or [out, 1] for each output     w = weight · weight_scale
//
// The names are those that vLLM's "fp8" method reads [H]. One scale for the tensor is what we write: vLLM's loader puts the rows of
// PLaMo 2's in_proj in another order and does not do so with a scale for each row.
import { UserError } from '../../base/index.ts';
import { callOperator, full, scope, type Tensor, tensor, where } from '../../torch/index.ts';

const LARGEST_FP8 = 448;

/** The value of each of the 256 codes: sign, 4 bits of exponent (bias 7), 3 of mantissa; ±0x7f is NaN. */
export const fp8Values: readonly number[] = Array.from({ length: 256 }, (_, code) => {
  const [exponent, mantissa] = [(code >> 3) & 15, code & 7];
  const sign = code & 128 ? -1 : 1;
  if (exponent === 15 && mantissa === 7) return Number.NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7));
});

const positive = fp8Values.slice(0, 127);
/** Between each two values that follow each other: exact in float32. */
const midpoints = positive.slice(1).map((value, i) => (value + positive[i]!) / 2);

/** Values → codes uint8: the nearest, the even code where two are equally near, ±448 beyond. */
export function toFp8(values: Tensor): Tensor {
  return scope(() => {
    const bounds = tensor(midpoints, {
      dtype: values.dtype === 'float64' ? 'float64' : 'float32',
      device: values.device,
    });
    const size = values.to(bounds.dtype).abs();
    const at = (right: boolean) => callOperator('aten::bucketize.Tensor', size, bounds, true, right) as Tensor;
    const [lower, upper] = [at(false), at(true)];
    const even = where(lower.remainder(2).eq(0), lower, upper);
    const signs = values.lt(0).to('int32').mul(128);
    return even.add(signs).to('uint8');
  });
}

/** Codes uint8 → their values, float32. */
export function fromFp8(codes: Tensor): Tensor {
  return scope(() => {
    const table = tensor(fp8Values, { dtype: 'float32', device: codes.device });
    return table.indexSelect(0, codes.reshape([-1]).to('int32')).reshape(codes.shape);
  });
}

export interface Fp8Tensors {
  /** uint8 [out, in] */
  weight: Tensor;
  weight_scale: Tensor;
}

/** With the scale that makes the largest weight 448. */
export function packFp8(weight: Tensor): Fp8Tensors {
  return scope(() => {
    const largest = weight.float().abs().max().item();
    if (!Number.isFinite(largest))
      throw new UserError('not-finite', 'a weight is no finite number', {
        remedy: 'Look at the model with "tsumugi score" or "tsumugi eval" first.',
      });
    const scale = full([], largest > 0 ? largest / LARGEST_FP8 : 1, { dtype: 'float32' });
    return { weight: toFp8(weight.float().div(scale)), weight_scale: scale };
  });
}

/** The weight [out, in] float32. */
export function unpackFp8({ weight, weight_scale }: Fp8Tensors): Tensor {
  const scale = weight_scale.float();
  return fromFp8(weight).mul_(scale.ndim === 1 && scale.numel() > 1 ? scale.unsqueeze(1) : scale);
}
