// The language models that are measured, their random weights and random tokens.
import { RandomStream } from 'tsumugi/base';
import { initialWeights, Plamo2, type Plamo2Config } from 'tsumugi/lm';
import { namedParameters } from 'tsumugi/nn';
import { noGrad, Rng, randn, scope, type Tensor, tensor } from 'tsumugi/torch';

/** A model as it is before training. */
export const newModel = (config: Plamo2Config): Plamo2 => new Plamo2(config, initialWeights(1));

/**
 * Makes the weights such that loss and gradients depend on every part: just initialised, a model predicts all tokens
 * alike, whatever is inside it.
 */
export function disturb(model: Plamo2): void {
  const rng = new Rng(2);
  noGrad(() => {
    for (const [, parameter] of namedParameters(model))
      scope(() => {
        if (parameter.ndim >= 2 && parameter.shape[0]! > 16) parameter.mul_(3);
        else parameter.add_(randn(parameter.shape, rng).mul_(0.2));
      });
  });
}

export interface TokenBatch {
  /** E.g. "8 × 512": sequences × tokens. */
  name: string;
  /** [B, T + 1] int64: inputs and, one to the right, targets. */
  tokens: Tensor;
}

/** Uniformly random ids. */
export function randomTokens(B: number, T: number, vocabulary: number): TokenBatch {
  const stream = new RandomStream(B * 1_000_003 + T);
  const ids = BigInt64Array.from({ length: B * (T + 1) }, () => BigInt(stream.below(vocabulary)));
  return { name: `${B} × ${T}`, tokens: tensor(ids, { shape: [B, T + 1] }).keep() };
}

/** Inputs and targets, in the current scope. */
export function inputsAndTargets({ tokens }: TokenBatch): { ids: Tensor; targets: Tensor } {
  const T = tokens.size(1) - 1;
  return { ids: tokens.narrow(1, 0, T).contiguous(), targets: tokens.narrow(1, 1, T).contiguous() };
}
