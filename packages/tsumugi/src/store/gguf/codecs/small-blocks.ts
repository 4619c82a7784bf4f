// Blocks of 32 with one scale, with or without an offset: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1. Without weights of the errors they are
// ggml's own: the scale is taken from the largest element or the range. With weights it is searched (fit.ts).
import { cat, type Tensor } from '../../../torch/index.ts';
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
  trunc_,
  viewAs,
} from './columns.ts';
import { fitAffine, fitSymmetric, signedPeak, wholes } from './fit.ts';

/** Halves go away from 0. */
function roundAway(x: Tensor): Tensor {
  const whole = trunc_(x.clone());
  return whole.add(trunc_(x.sub(whole).mul_(2)));
}

export const q8_0: Codec = {
  quantize(x) {
    const d = x.abs().amax(0).div(127); // [B]
    const q = roundAway(x.mul(inverse(d))).to('int8');
    return cat([halfBytes(d), viewAs(q.contiguous(), 'uint8')], 0);
  },
  dequantize: (bytes) =>
    viewAs(bytes.narrow(0, 2, 32).contiguous(), 'int8')
      .float()
      .mul(halfAt(bytes, 0)), // [32, B]
};

/** uint8 [32, B] below 16 → [16, B]: elements 0 … 15 in the lower nibbles, 16 … 31 in the upper ones. */
const packHalves = (q: Tensor): Tensor => nibbles(q.narrow(0, 0, 16), q.narrow(0, 16, 16));
const unpackHalves = (bytes: Tensor): Tensor => cat([and(bytes, 15), right(bytes, 4)], 0);

/** The fifth bits of uint8 [32, B] → [4, B]: bit j of the 32 is element j's. */
function packFifth(q: Tensor): Tensor {
  const bits = right(q, 4).view([4, 8, -1]);
  let packed = bits.select(1, 0);
  for (let bit = 1; bit < 8; bit++) packed = or(left(bits.select(1, bit), bit), packed);
  return packed;
}

function unpackFifth(bytes: Tensor): Tensor {
  const rows = Array.from({ length: 32 }, (_, j) => and(right(bytes.select(0, j >> 3), j & 7), 1));
  return left(stackRows(rows), 4); // [32, B], 0 or 16
}

const stackRows = (rows: readonly Tensor[]): Tensor =>
  cat(
    rows.map((row) => row.unsqueeze(0)),
    0,
  );

const withFifth = (q: Tensor): Tensor[] => [packFifth(q), packHalves(and(q, 15))];

/** x = d·(q − 2^(bits − 1)) */
function symmetric(bits: 4 | 5): Codec {
  const middle = 2 ** (bits - 1);
  const top = 2 * middle - 1;
  return {
    quantize(x, weights) {
      const d = weights
        ? fitSymmetric(x.unsqueeze(0), weights.unsqueeze(0), middle).squeeze(0)
        : signedPeak(x, 0).div(-middle); // [B]
      const q = weights ? nearest(x, d, middle) : trunc_(x.mul(inverse(d)).add_(middle + 0.5)).clamp_(0, top);
      const bytes = q.to('uint8');
      return cat([halfBytes(d), ...(bits === 5 ? withFifth(bytes) : [packHalves(bytes)])], 0);
    },
    dequantize(bytes) {
      const q =
        bits === 5
          ? or(unpackHalves(bytes.narrow(0, 6, 16)), unpackFifth(bytes.narrow(0, 2, 4)))
          : unpackHalves(bytes.narrow(0, 2, 16));
      return q.float().sub_(middle).mul(halfAt(bytes, 0));
    },
  };
}

/** To the d that is in the file. */
function nearest(x: Tensor, d: Tensor, middle: number): Tensor {
  const scale = inverse(asHalf(d));
  return wholes(x, scale, scale.mul(0), -middle, middle - 1).add_(middle);
}

/** x = d·q + m */
function affine(bits: 4 | 5): Codec {
  const top = 2 ** bits - 1;
  return {
    quantize(x, weights) {
      const { d, m } = weights ? searched(x, weights, top) : fromRange(x, top); // [B] each
      const q = weights
        ? wholes(
            x,
            inverse(asHalf(d)),
            asHalf(m)
              .mul(inverse(asHalf(d)))
              .neg(),
            0,
            top,
          )
        : trunc_(x.sub(m).mul(inverse(d)).add_(0.5)).clamp_(0, top);
      const bytes = q.to('uint8');
      return cat([halfBytes(d), halfBytes(m), ...(bits === 5 ? withFifth(bytes) : [packHalves(bytes)])], 0);
    },
    dequantize(bytes) {
      const q =
        bits === 5
          ? or(unpackHalves(bytes.narrow(0, 8, 16)), unpackFifth(bytes.narrow(0, 4, 4)))
          : unpackHalves(bytes.narrow(0, 4, 16));
      return q.float().mul(halfAt(bytes, 0)).add(halfAt(bytes, 2));
    },
  };
}

function fromRange(x: Tensor, top: number) {
  const m = x.amin(0);
  return { d: x.amax(0).sub(m).div(top), m };
}

function searched(x: Tensor, weights: Tensor, top: number) {
  const { d, m } = fitAffine(x.unsqueeze(0), weights.unsqueeze(0), top, false);
  return { d: d.squeeze(0), m: m.squeeze(0) };
}

export const q4_0 = symmetric(4);
export const q5_0 = symmetric(5);
export const q4_1 = affine(4);
export const q5_1 = affine(5);
