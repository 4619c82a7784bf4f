// Parts of one's own in a training run, beside its settings: an optimizer, a loss, a look at each step. The record of a run has the
// names of optimizer and loss, and the run goes on only with parts of the same names; their code is not compared.
import { ConfigError, kindOf } from '../base/index.ts';
import type { LanguageModel } from '../lm/index.ts';
import type { AfterStep } from '../loop/index.ts';
import { AdamW, decayGroups, type Optimizer } from '../optim/index.ts';
import type { TrainingConfig } from './common-config.ts';
import type { LossFunction } from './loss-function.ts';

/** What a run asks of an optimizer; those of `tsumugi/optim` have it. */
export type TrainingOptimizer = Pick<Optimizer, 'step' | 'zeroGrad' | 'state' | 'loadState'> & Disposable;

export interface TrainingParts {
  /** Instead of AdamW. `make` is given the run's settings, and may leave `betas`, `epsilon` and `weightDecay` unread. */
  optimizer?:
    | { readonly name: string; make(model: LanguageModel, config: TrainingConfig): TrainingOptimizer }
    | undefined;
  /** Instead of cross-entropy with z-loss; held-out text is measured as ever. */
  loss?: { readonly name: string; of: LossFunction } | undefined;
  /** Is called after each step; no part of the run's record. */
  afterStep?: AfterStep | undefined;
}

const ways = { optimizer: 'make', loss: 'of' } as const;

/** @throws ConfigError for a part without a name or a function */
export function checkParts(parts: TrainingParts): void {
  const { afterStep } = parts;
  if (afterStep !== undefined && typeof afterStep !== 'function')
    throw new ConfigError('bad-part', `afterStep: expected a function, got ${kindOf(afterStep)}`, {
      remedy: 'Write for example afterStep: ({ step, model }) => …',
      fields: { part: 'afterStep' },
    });
  for (const [part, way] of Object.entries(ways) as ['optimizer' | 'loss', string][]) {
    const given = parts[part] as Record<string, unknown> | undefined;
    if (
      given === undefined ||
      (typeof given['name'] === 'string' && given['name'] !== '' && typeof given[way] === 'function')
    )
      continue;
    throw new ConfigError('bad-part', `${part}: expected { name, ${way} } with a name and a function`, {
      remedy: `Write for example ${part}: { name: 'mine', ${way}: … }; the run's record has the name.`,
      fields: { part },
    });
  }
}

/** The settings as a run's record has them: a part of one's own stands as `{ own: name }`. */
export const recordedSettings = <C extends TrainingConfig>(config: C, { optimizer, loss }: TrainingParts): C => ({
  ...config,
  ...(optimizer && { optimizer: { own: optimizer.name } }),
  ...(loss && { loss: { own: loss.name } }),
});

export const makeOptimizer = (
  model: LanguageModel,
  config: TrainingConfig,
  own: TrainingParts['optimizer'],
): TrainingOptimizer =>
  own?.make(model, config) ??
  new AdamW(decayGroups(model), { betas: config.betas, eps: config.epsilon, weightDecay: config.weightDecay });
