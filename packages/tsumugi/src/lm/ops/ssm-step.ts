// One token of the Mamba scan for each of several rows, for decoding: goes on from states in numbered slots. Not differentiable.
import { ShapeError } from '../../base/index.ts';
import { customOperator, kernelTakes, noGrad, scope, type Tensor, tensor, zerosLike } from '../../torch/index.ts';
import { ownSlots, type Slots, wavesOf } from './slots.ts';

/** What a token brings. R rows, m heads of size P, N numbers of state for each. */
export interface SsmStepInputs {
  /** [R, m, P] */
  x: Tensor;
  /** [R, m]: Δ before its bias and softplus */
  dt: Tensor;
  /** [m] */
  bias: Tensor;
  /** [m], negative */
  A: Tensor;
  /** [R, N] */
  B: Tensor;
  /** [R, N] */
  C: Tensor;
  /** [m] */
  D: Tensor;
}

const kernel = customOperator('tsumugi::ssm_step');

/**
 * Δ = softplus(dt + bias);  S ← exp(Δ·A)·S + Δ·x·Bᵀ;  y = S·C + D·x.
 *
 * @param states [slots, m, P, N] contiguous, changed in place
 * @returns y [R, m, P]
 */
export function ssmStep(states: Tensor, inputs: SsmStepInputs, slots: Slots = ownSlots): Tensor {
  const [, m, P, N] = states.shape;
  const { x, dt, bias, A, B, C, D } = inputs;
  const R = x.shape[0];
  const shapes = { x: [R, m, P], dt: [R, m], bias: [m], A: [m], B: [R, N], C: [R, N], D: [m] };
  for (const [name, shape] of Object.entries(shapes)) {
    const given = inputs[name as keyof SsmStepInputs].shape;
    if (given.join() !== shape.join())
      throw new ShapeError(
        'wrong-shape',
        `ssmStep: ${name} must be [${shape.join(', ')}] for states [${states.shape.join(', ')}], it is [${given.join(', ')}]`,
      );
  }
  return noGrad(() =>
    kernelTakes('tsumugi::ssm_step', states, x, dt, bias, A, B, C, D) && states.isContiguous
      ? kernel(states, x, dt, bias, A, B, C, D, slots.from, slots.to)
      : ssmStepPlain(states, inputs, slots),
  );
}

/** The plain twin of `ssmStep`: any device; the states are f32 whatever x is. */
export function ssmStepPlain(states: Tensor, inputs: SsmStepInputs, slots: Slots = ownSlots): Tensor {
  return noGrad(() =>
    scope(() => {
      const y = zerosLike(inputs.x);
      const wide = (each: Tensor) => each.to(states.dtype);
      const { bias, A, D } = inputs;
      for (const rows of wavesOf(slots, inputs.x.size(0))) {
        const numbers = (of: readonly number[]) => tensor(BigInt64Array.from(of, BigInt), { device: states.device });
        const row = numbers(rows);
        const of = (each: Tensor) => wide(each.indexSelect(0, row));
        const [x, delta] = [of(inputs.x), of(inputs.dt).add(wide(bias)).softplus()];
        const decay = delta.mul(wide(A)).exp().unsqueeze(2).unsqueeze(3); // [r, m, 1, 1]
        const inflow = x.mul(delta.unsqueeze(2)).unsqueeze(3); // [r, m, P, 1]
        const before = states.indexSelect(0, numbers(rows.map((r) => slots.from[r] ?? r)));
        const after = before.mul(decay).add(inflow.mul(of(inputs.B).unsqueeze(1).unsqueeze(1)));
        states.indexCopy_(0, numbers(rows.map((r) => slots.to[r] ?? r)), after);
        const read = after.matmul(of(inputs.C).unsqueeze(1).unsqueeze(3)).squeeze(3); // [r, m, P]
        y.indexCopy_(0, row, read.add(x.mul(wide(D).unsqueeze(1))).to(y.dtype));
      }
      return y;
    }),
  );
}
