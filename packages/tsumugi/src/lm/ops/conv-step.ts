// One token of the Mamba mixer's convolution with SiLU for each of several rows, for decoding: goes on from the inputs before it, in
// numbered slots. Not differentiable.
import { ShapeError } from '../../base/index.ts';
import { cat, customOperator, kernelTakes, noGrad, scope, type Tensor, tensor, zerosLike } from '../../torch/index.ts';
import { ownSlots, type Slots, wavesOf } from './slots.ts';

const kernel = customOperator('tsumugi::conv_step');

/**
 * @param states [slots, k−1, C] contiguous, the inputs before, oldest first: changed in place
 * @param u [R, C]
 * @param weight [C, 1, k]
 * @returns [R, C]
 */
export function convStep(states: Tensor, u: Tensor, weight: Tensor, slots: Slots = ownSlots): Tensor {
  const [C, k] = [u.shape.at(-1)!, weight.shape.at(-1)!];
  if (weight.shape.join() !== [C, 1, k].join() || states.shape.slice(1).join() !== [k - 1, C].join() || u.ndim !== 2)
    throw new ShapeError(
      'wrong-shape',
      `convStep: expected u [R, C], weight [C, 1, k] and states [slots, k−1, C], got [${u.shape.join(', ')}], [${weight.shape.join(', ')}] and [${states.shape.join(', ')}]`,
    );
  return noGrad(() =>
    k <= 16 && kernelTakes('tsumugi::conv_step', states, u, weight) && states.isContiguous
      ? kernel(states, u, weight, slots.from, slots.to)
      : convStepPlain(states, u, weight, slots),
  );
}

/** The plain twin of `convStep`: any device and dtype. */
export function convStepPlain(states: Tensor, u: Tensor, weight: Tensor, slots: Slots = ownSlots): Tensor {
  return noGrad(() =>
    scope(() => {
      const y = zerosLike(u);
      const taps = weight.select(1, 0).t().to(u.dtype); // [k, C]
      for (const rows of wavesOf(slots, u.size(0))) {
        const numbers = (of: readonly number[]) => tensor(BigInt64Array.from(of, BigInt), { device: u.device });
        const row = numbers(rows);
        const before = states.indexSelect(0, numbers(rows.map((r) => slots.from[r] ?? r)));
        const seen = cat([before, u.indexSelect(0, row).unsqueeze(1)], 1); // [r, k, C]
        states.indexCopy_(0, numbers(rows.map((r) => slots.to[r] ?? r)), seen.narrow(1, 1, seen.size(1) - 1));
        y.indexCopy_(0, row, seen.mul(taps).sum([1]).silu());
      }
      return y;
    }),
  );
}
