// Q4_K and Q5_K: 256 elements in 8 blocks of 32, x = d·sc·q − dmin·mn with 6-bit sc and mn for each block.
//
// Each block's own scale and offset are searched (fit.ts); then d and dmin are such that the largest fit into 6 bits, and are fitted
// once more by least squares to what the whole numbers have become.
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
} from './columns.ts';
import { fitAffine, momentsOf, wholes } from './fit.ts';

const most = 63;

/** float32 [8, B] → whole numbers in 0 … 63 of the unit [B]. */
const sixBits = (x: Tensor, unit: Tensor): Tensor => round_(x.mul(inverse(unit))).clamp_(0, most);

/** uint8 [8, B] each, below 64 → [12, B]. */
function packScales(sc: Tensor, mn: Tensor): Tensor {
  const [scLow, scHigh, mnLow, mnHigh] = [sc, mn].flatMap((x) => [x.narrow(0, 0, 4), x.narrow(0, 4, 4)]) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const upper = (x: Tensor) => left(right(x, 4), 6);
  return cat([or(scLow, upper(scHigh)), or(mnLow, upper(mnHigh)), nibbles(and(scHigh, 15), and(mnHigh, 15))], 0);
}

function unpackScales(bytes: Tensor): [sc: Tensor, mn: Tensor] {
  const [a, b, c] = [0, 4, 8].map((start) => bytes.narrow(0, start, 4)) as [Tensor, Tensor, Tensor];
  const upper = (x: Tensor) => left(right(x, 6), 4);
  return [cat([and(a, most), or(and(c, 15), upper(a))], 0), cat([and(b, most), or(right(c, 4), upper(b))], 0)];
}

/** The offsets that are best once the steps have been rounded. */
function offsetFor(x: Tensor, w: Tensor | undefined, top: number, step: Tensor, offset: Tensor): Tensor {
  const q = quantized(x, step, offset, top);
  const off = step.unsqueeze(1).mul(q).sub(x); // [8, 32, B]
  return (w ? sumOver(off.mul(w), 1).div(sumOver(w, 1)) : sumOver(off, 1).div(x.size(1))).clamp_(0, null);
}

/** The two units of a super-block that are best for the whole numbers that sc, mn and the first units lead to. */
function refit(x: Tensor, w: Tensor | undefined, top: number, [sc, mn, d, dmin]: [Tensor, Tensor, Tensor, Tensor]) {
  const q = quantized(x, sc.mul(d), mn.mul(dmin), top);
  const [sq, sqx, sqq] = momentsOf(q, x, w); // [8, B]
  const [sw, sx] = [w && sumOver(w, 1), sumOver(w ? x.mul(w) : x, 1)];
  // Σ w (x − a·sc·q + b·mn)² is least where a·A − b·C = u and a·C − b·E = v.
  const A = sumOver(sc.square().mul(sqq), 0);
  const C = sumOver(sc.mul(mn).mul(sq), 0);
  const E = sumOver(sw ? mn.square().mul(sw) : mn.square().mul(x.size(1)), 0);
  const [u, v] = [sumOver(sc.mul(sqx), 0), sumOver(mn.mul(sx), 0)];
  const det = A.mul(E).sub(C.square());
  const alone = E.eq(0);
  const a = asHalf(where(alone, u.div(A), u.mul(E).sub(v.mul(C)).div(det)));
  const b = asHalf(where(alone, dmin, u.mul(C).sub(v.mul(A)).div(det)));
  /** The error without Σ w x². */
  const error = (a: Tensor, b: Tensor) =>
    a.square().mul(A).add(b.square().mul(E)).sub(a.mul(b).mul(C).mul(2)).sub(a.mul(u).mul(2)).add(b.mul(v).mul(2));
  const better = error(a, b).lt(error(d, dmin)).logicalAnd(a.gt(0)).logicalAnd(b.ge(0));
  return [where(better, a, d), where(better, b, dmin)] as const;
}

/** q for x [8, 32, B], where a block's step is `step` and its offset −`offset` [8, B]. */
function quantized(x: Tensor, step: Tensor, offset: Tensor, top: number): Tensor {
  const scale = inverse(step);
  return wholes(x, scale.unsqueeze(1), offset.mul(scale).unsqueeze(1), 0, top);
}

/** uint8 [8, 32, B] → [128, B]: two blocks share 32 bytes, the first in the lower nibbles. */
function packNibbles(q: Tensor): Tensor {
  const pairs = q.view([4, 2, 32, -1]);
  return nibbles(pairs.select(1, 0), pairs.select(1, 1)).view([128, -1]);
}

function unpackNibbles(bytes: Tensor): Tensor {
  const groups = bytes.view([4, 1, 32, -1]);
  return cat([and(groups, 15), right(groups, 4)], 1).view([8, 32, -1]);
}

/** The fifth bits of uint8 [8, 32, B] → [32, B]: bit s is block s's. */
function packFifth(q: Tensor): Tensor {
  const bits = right(q, 4);
  let packed = bits.select(0, 0);
  for (let s = 1; s < 8; s++) packed = or(left(bits.select(0, s), s), packed);
  return packed;
}

const unpackFifth = (bytes: Tensor): Tensor =>
  cat(
    Array.from({ length: 8 }, (_, s) => left(and(right(bytes, s), 1), 4).unsqueeze(0)),
    0,
  );

function affineK(bits: 4 | 5): Codec {
  const top = 2 ** bits - 1;
  return {
    quantize(columns, weights) {
      const x = columns.view([8, 32, -1]);
      const w = weights?.view([8, 32, -1]);
      const { d: steps, m } = fitAffine(x, w, top, true); // [8, B]
      const offsets = m.neg();
      const first = [asHalf(steps.amax(0).div(most)), asHalf(offsets.amax(0).div(most))] as const;
      const sc = sixBits(steps, first[0]);
      const mn = sixBits(offsetFor(x, w, top, sc.mul(first[0]), offsets), first[1]);
      const [d, dmin] = refit(x, w, top, [sc, mn, ...first]); // [B]
      const q = quantized(x, sc.mul(d), mn.mul(dmin), top).to('uint8');
      const low = bits === 5 ? and(q, 15) : q;
      const fifth = bits === 5 ? [packFifth(q)] : [];
      const scales = packScales(sc.to('uint8'), mn.to('uint8'));
      return cat([halfBytes(d), halfBytes(dmin), scales, ...fifth, packNibbles(low)], 0);
    },
    dequantize(bytes) {
      const [sc, mn] = unpackScales(bytes.narrow(0, 4, 12));
      const rest = bits === 5 ? 48 : 16;
      const low = unpackNibbles(bytes.narrow(0, rest, 128));
      const q = bits === 5 ? or(low, unpackFifth(bytes.narrow(0, 16, 32))) : low;
      const step = sc.float().mul(halfAt(bytes, 0)).unsqueeze(1); // [8, 1, B]
      const offset = mn.float().mul(halfAt(bytes, 2)).unsqueeze(1);
      return q.float().mul(step).sub(offset).view([256, -1]);
    },
  };
}

export const q4_k = affineK(4);
export const q5_k = affineK(5);
