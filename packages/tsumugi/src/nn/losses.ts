// Losses over whole tensors. Cross-entropy has its own file, nn/functional/cross-entropy.ts.
import { checkChoice, checkNumber, checkOptions, ShapeError } from '../base/index.ts';
import { binaryCrossEntropyWithLogits, mseLoss, requireTensor, smoothL1Loss, type Tensor } from '../torch/index.ts';

/** What becomes of the elements' losses; the mean over all of them when left out. */
export type Reduction = 'none' | 'mean' | 'sum';

const codes = { none: 0, mean: 1, sum: 2 } as const;
const reductionCode = (owner: string, reduction: Reduction = 'mean') =>
  codes[checkChoice(owner, 'reduction', reduction, ['none', 'mean', 'sum'])];

/** libtorch broadcasts ([B] against [B, 1] gives [B, B]) with at most a warning: the classic silent mistake. */
function requireSameShape(name: string, input: Tensor, target: Tensor): void {
  requireTensor(name, 'the prediction', input);
  requireTensor(name, 'the target', target);
  if (input.shape.join() === target.shape.join()) return;
  throw new ShapeError(
    'shape-mismatch',
    `${name}: the prediction has shape [${input.shape.join(', ')}], the target [${target.shape.join(', ')}]`,
    { remedy: 'Reshape one of them.', fields: { input: input.shape, target: target.shape } },
  );
}

/**
 * Squared error (x − y)².
 *
 * @example
 * ```ts
 * console.log(mse(tensor([1, 2]), tensor([1, 4])).item()); // prints 2
 * ```
 */
export function mse(input: Tensor, target: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  checkOptions('mse', options, { reduction: true });
  requireSameShape('mse', input, target);
  return mseLoss(input, target, reductionCode('mse', options.reduction));
}

/**
 * (x − y)²/2β within β of the target, |x − y| − β/2 outside. Girshick 2015, arXiv 1504.08083.
 *
 * @example
 * ```ts
 * console.log(smoothL1(tensor([0, 0]), tensor([0.5, 2])).item()); // prints 0.8125
 * ```
 */
export function smoothL1(
  input: Tensor,
  target: Tensor,
  options: { beta?: number; reduction?: Reduction } = {},
): Tensor {
  checkOptions('smoothL1', options, { beta: true, reduction: true });
  requireSameShape('smoothL1', input, target);
  const beta = checkNumber('smoothL1', 'beta', options.beta ?? 1, { min: 0 });
  return smoothL1Loss(input, target, reductionCode('smoothL1', options.reduction), beta);
}

/**
 * (x − y)²/2 within δ of the target, δ(|x − y| − δ/2) outside: δ times `smoothL1`. Huber 1964.
 *
 * @example
 * ```ts
 * console.log(huber(tensor([0]), tensor([3]), { delta: 2 }).item()); // prints 4
 * ```
 */
export function huber(input: Tensor, target: Tensor, options: { delta?: number; reduction?: Reduction } = {}): Tensor {
  checkOptions('huber', options, { delta: true, reduction: true });
  const { delta = 1, ...rest } = options;
  checkNumber('huber', 'delta', delta, { above: 0 });
  return smoothL1(input, target, { beta: delta, ...rest }).mul(delta);
}

/**
 * −[y log σ(x) + (1 − y) log(1 − σ(x))] without overflow, for logits x and probabilities or labels y.
 *
 * @example
 * ```ts
 * console.log(bceWithLogits(tensor([0]), tensor([1])).item().toFixed(4)); // prints 0.6931
 * ```
 */
export function bceWithLogits(
  logits: Tensor,
  target: Tensor,
  options: { weight?: Tensor; posWeight?: Tensor; reduction?: Reduction } = {},
): Tensor {
  checkOptions('bceWithLogits', options, { weight: true, posWeight: true, reduction: true });
  requireSameShape('bceWithLogits', logits, target);
  const { weight = null, posWeight = null, reduction } = options;
  return binaryCrossEntropyWithLogits(logits, target, weight, posWeight, reductionCode('bceWithLogits', reduction));
}
