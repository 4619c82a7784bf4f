// One token of the Mamba scan, for decoding: updates the state in place. Not differentiable.
import { ShapeError } from '../../base/index.ts';
import { customOperator, kernelTakes, noGrad, scope, type Tensor } from '../../torch/index.ts';

const kernel = customOperator('tsumugi::ssm_step');

/**
 * S ← exp(dt·A)·S + dt·x·Bᵀ;  y = S·C + D·x.
 *
 * @param state [B, m, P, N] contiguous, changed in place
 * @param x [B, m, P]
 * @param dt [B, m], positive (after softplus)
 * @param A [m], negative
 * @param B [B, N]
 * @param C [B, N]
 * @param D [m]
 * @returns y [B, m, P]
 */
export function ssmStep(state: Tensor, x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor): Tensor {
  const [batch, m, P, N] = state.shape;
  const expected: [string, Tensor, unknown[]][] = [
    ['x', x, [batch, m, P]],
    ['dt', dt, [batch, m]],
    ['A', A, [m]],
    ['B', B, [batch, N]],
    ['C', C, [batch, N]],
    ['D', D, [m]],
  ];
  for (const [name, tensor, shape] of expected)
    if (tensor.shape.join() !== shape.join())
      throw new ShapeError(
        'wrong-shape',
        `ssmStep: ${name} must be [${shape.join(', ')}] for a state [${state.shape.join(', ')}], it is [${tensor.shape.join(', ')}]`,
      );
  return noGrad(() =>
    kernelTakes('tsumugi::ssm_step', state, x, dt, A, B, C, D) && state.isContiguous
      ? kernel(state, x, dt, A, B, C, D)
      : ssmStepPlain(state, x, dt, A, B, C, D),
  );
}

/** The plain twin of `ssmStep`: any device; the state is f32 whatever x is. */
export function ssmStepPlain(state: Tensor, x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor): Tensor {
  return noGrad(() =>
    scope(() => {
      const wide = (tensor: Tensor) => tensor.to(state.dtype);
      const decay = wide(dt).mul(wide(A)).exp().unsqueeze(2).unsqueeze(3); // [B, m, 1, 1]
      const inflow = wide(x).mul(wide(dt).unsqueeze(2)).unsqueeze(3); // [B, m, P, 1]
      state.mul_(decay).add_(inflow.mul(wide(B).unsqueeze(1).unsqueeze(1)));
      const read = state.matmul(wide(C).unsqueeze(1).unsqueeze(3)).squeeze(3); // [B, m, P]
      return read.add(wide(x).mul(wide(D).unsqueeze(1))).to(x.dtype);
    }),
  );
}
