// Q6_K: 256 elements in 16 blocks of 16, x = d·scale·(q − 32) with an 8-bit scale for each block.
import { cat, type Tensor, where } from '../../../torch/index.ts';
import {
  and,
  asHalf,
  type Codec,
  halfAt,
  halfBytes,
  inverse,
  left,
  nibbles,
  or,
  right,
  round_,
  sumOver,
  viewAs,
} from './columns.ts';
import { fitSymmetric, momentsOf, signedPeak, wholes } from './fit.ts';

const middle = 32;

/** q − 32 for x [16, 16, B], where a block's step is `step` [16, B]. */
function quantized(x: Tensor, step: Tensor): Tensor {
  const scale = inverse(step).unsqueeze(1);
  return wholes(x, scale, scale.mul(0), -middle, middle - 1);
}

/** The d that is best for the whole numbers that the scales and the first d lead to. */
function refit(x: Tensor, w: Tensor | undefined, scales: Tensor, d: Tensor): Tensor {
  const q = quantized(x, scales.mul(d));
  const [, sqx, sqq] = momentsOf(q, x, w);
  const [u, A] = [sumOver(scales.mul(sqx), 0), sumOver(scales.square().mul(sqq), 0)];
  const a = asHalf(u.div(A));
  const error = (d: Tensor) => d.square().mul(A).sub(d.mul(u).mul(2));
  return where(error(a).lt(error(d)), a, d);
}

/** uint8 [256, B] below 64 → 128 bytes of lower nibbles and 64 of upper pairs of bits. */
function pack(q: Tensor): Tensor[] {
  const groups = q.view([2, 4, 32, -1]); // halves of 128, in groups of 32
  const low = and(groups, 15);
  const high = right(groups, 4);
  const pairs = nibbles(low.narrow(1, 0, 2), low.narrow(1, 2, 2));
  let upper = high.select(1, 0);
  for (let group = 1; group < 4; group++) upper = or(left(high.select(1, group), 2 * group), upper);
  return [pairs.view([128, -1]), upper.view([64, -1])];
}

function unpack(low: Tensor, upper: Tensor): Tensor {
  const pairs = low.view([2, 2, 32, -1]);
  const bits = upper.view([2, 1, 32, -1]);
  const high = cat(
    [0, 1, 2, 3].map((group) => left(and(right(bits, 2 * group), 3), 4)),
    1,
  );
  return or(cat([and(pairs, 15), right(pairs, 4)], 1), high); // [2, 4, 32, B]
}

export const q6_k: Codec = {
  quantize(columns, weights) {
    const x = columns.view([16, 16, -1]);
    const w = weights?.view([16, 16, -1]);
    const steps = fitSymmetric(x, w, middle); // [16, B]
    const first = asHalf(signedPeak(steps, 0).div(-128));
    const scales = round_(steps.mul(inverse(first))).clamp_(-128, 127);
    const d = refit(x, w, scales, first);
    const q = quantized(x, scales.mul(d)).add_(middle).to('uint8').view([256, -1]);
    return cat([...pack(q), viewAs(scales.to('int8'), 'uint8'), halfBytes(d)], 0);
  },
  dequantize(bytes) {
    const q = unpack(bytes.narrow(0, 0, 128), bytes.narrow(0, 128, 64)).view([16, 16, -1]);
    const scales = viewAs(bytes.narrow(0, 192, 16).contiguous(), 'int8')
      .float()
      .mul(halfAt(bytes, 208)); // [16, B]
    return q.float().sub_(middle).mul(scales.unsqueeze(1)).view([256, -1]);
  },
};
