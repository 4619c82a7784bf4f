// Spherical interpolation between two models (Shoemake 1985): over the whole tensor, or for each row or column of it.
import { callOperator, cat, type Tensor, tensor, where } from '../../../torch/index.ts';
import { eachPiece, type Piece } from '../tensor-group.ts';
import { combination, fromBase, vectors } from './combination.ts';
import { cosine, gramOf, squares } from './gram.ts';
import { meanOf } from './linear.ts';
import { type Combine, isOn, type MergeInput, type MergeMethod, numberOf, numbersOf, weight } from './method.ts';

/** sin((1−t)ω)/sin ω and sin(tω)/sin ω */
function factors(t: number, cos: number): [number, number] {
  const omega = Math.acos(cos);
  return [Math.sin((1 - t) * omega) / Math.sin(omega), Math.sin(t * omega) / Math.sin(omega)];
}

/** Above this cosine the two directions are too near each other for the sine in the denominator (our source: mergekit). */
const nearlyParallel = 0.9995;

/** Between the base (t = 0) and the other model (t = 1), over the whole flattened tensor; the lengths are not evened out. */
export const slerp: MergeMethod = {
  models: { min: 1, max: 1 },
  base: 'required',
  shared: { t: { kind: 'number' } },
  own: {},
  passes: 2,
  prepare(input) {
    const t = numberOf(input.shared, 't');
    // Both as models: what is between them is asked, not what they differ in.
    const cos = cosine(gramOf({ ...input, base: undefined, models: [input.base!, ...input.models] }), 0, 1);
    return between(Math.abs(cos) > nearlyParallel ? [1 - t, t] : factors(t, cos));
  },
  prepareVector: ({ shared }) => between([1 - numberOf(shared, 't'), numberOf(shared, 't')]),
};

const between =
  (pair: [number, number]): Combine =>
  ({ base, models }) =>
    combination([base!, models[0]!], pair);

const colinear = 1e-8;

/** t = w₂ / (w₁ + w₂), a half when the weights cancel. */
function share({ own }: MergeInput): number {
  const [first, second] = numbersOf(own, 'weight') as [number, number];
  return Math.abs(first + second) < 1e-6 ? 0.5 : second / (first + second);
}

/** Slerp of two tensors, or of their δ's from a base; over all of a tensor, or for each row (`[i, :]`) or column. */
export const nuslerp: MergeMethod = {
  models: { min: 2, max: 2 },
  base: 'optional',
  shared: {
    nuslerp_flatten: { kind: 'boolean', default: true },
    nuslerp_row_wise: { kind: 'boolean', default: false },
  },
  own: weight,
  passes: 2,
  prepare(input) {
    const t = share(input);
    if (!isOn(input.shared, 'nuslerp_flatten'))
      // mergekit's names: what it calls row-wise normalizes along the first dimension, so each column is a vector.
      return isOn(input.shared, 'nuslerp_row_wise') ? columnWise(input, t) : rowWise(t);
    const cos = cosine(gramOf(input), 0, 1);
    const pair = Math.sqrt(1 - cos * cos) < colinear ? [1 - t, t] : factors(t, cos);
    return (piece) => fromBase(piece, combination(vectors(piece), pair));
  },
  prepareVector: (input) => meanOf([1 - share(input), share(input)]),
};

/** Factors for each row or column, from Σ x², Σ y² and Σ x y. */
function manyFactors(t: number, xx: Tensor, yy: Tensor, xy: Tensor): [Tensor, Tensor] {
  const length = (squared: Tensor) => squared.sqrt().clamp(1e-7);
  const cos = xy.div(length(xx).mul(length(yy))).clamp(-1, 1);
  const omega = callOperator('aten::acos', cos) as Tensor;
  const sine = omega.sin();
  const parallel = sine.abs().lt(colinear);
  const factor = (part: number) => where(parallel, omega.mul(0).add(part), omega.mul(part).sin().div(sine));
  return [factor(1 - t), factor(t)];
}

const asPair = (piece: Piece): [Tensor, Tensor] => vectors(piece) as [Tensor, Tensor];

function withFactors(piece: Piece, pair: readonly Tensor[]): Tensor {
  const both = asPair(piece);
  const factors = pair.map((factor) => factor.to(both[0].dtype));
  return fromBase(piece, combination(both, factors));
}

function rowWise(t: number): Combine {
  return (piece) => {
    const [x, y] = asPair(piece).map((each) => each.double()) as [Tensor, Tensor];
    return withFactors(piece, manyFactors(t, squares(x, -1), squares(y, -1), x.mul(y).sum(-1, true)));
  };
}

function columnWise(input: MergeInput, t: number): Combine {
  const sums = new Float64Array(3 * input.columns);
  eachPiece(input, (piece) => {
    const [x, y] = asPair(piece).map((each) => each.double()) as [Tensor, Tensor];
    const part = cat([squares(x, 0), squares(y, 0), x.mul(y).sum(0, true)]).data();
    for (let i = 0; i < sums.length; i++) sums[i]! += part[i] as number;
  });
  return (piece) => {
    const all = tensor(sums, { shape: [3, input.columns] });
    const row = (i: number) => all.narrow(0, i, 1);
    return withFactors(piece, manyFactors(t, row(0), row(1), row(2)));
  };
}
