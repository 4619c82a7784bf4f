// What losses of preferences have in common. y_w is the answer that is preferred (chosen), y_l the other one (rejected), both to a
// prompt x; π is the policy in training, π_ref the frozen reference; log π(y|x) is the sum over the tokens of an answer.
import { ShapeError, UserError } from '../../base/index.ts';
import { Tensor, tensor } from '../../torch/index.ts';

/** log π(y|x) of N answers: a tensor [N], or their numbers. */
export type Logprobs = Tensor | readonly number[];

/** Over the pairs; the mean when left out. */
export interface LossReduction {
  reduction?: 'none' | 'mean' | 'sum' | undefined;
}

/** The arguments as tensors of one shape. @throws ShapeError, UserError that names the one that is not */
export function logprobTensors<const Names extends readonly string[]>(
  owner: string,
  names: Names,
  values: readonly Logprobs[],
): { [K in keyof Names]: Tensor } {
  const tensors = values.map((value, i): Tensor => {
    if (value instanceof Tensor) return value;
    if (Array.isArray(value) && value.every((each) => typeof each === 'number'))
      return tensor(value as number[], { dtype: 'float64' });
    throw new UserError('bad-argument', `${owner}: ${names[i]} should be a tensor [N] or N numbers`, {
      remedy: 'Give the sum of the log-probabilities of each answer.',
    });
  });
  const [first] = tensors as [Tensor];
  const other = tensors.findIndex((each) => each.shape.join() !== first.shape.join());
  if (other >= 0)
    throw new ShapeError(
      'wrong-shape',
      `${owner}: ${names[0]} is [${first.shape.join(', ')}] and ${names[other]} [${tensors[other]!.shape.join(', ')}]`,
      { remedy: 'Give one log-probability of each answer everywhere.' },
    );
  return tensors as { [K in keyof Names]: Tensor };
}

export function reduced(losses: Tensor, { reduction = 'mean' }: LossReduction): Tensor {
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? losses.sum() : losses.mean();
}
