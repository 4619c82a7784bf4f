// Stochastic gradient descent with momentum (Polyak 1964; Nesterov's form as in Sutskever et al. 2013).
import { ConfigError, checkNumber } from '../base/index.ts';
import type { Module } from '../nn/index.ts';
import type { ParameterGroup } from './groups.ts';
import { Optimizer, type StepSettings } from './optimizer.ts';
import { apply, type Batch, sgdUpdate } from './updates.ts';

export interface SGDOptions {
  /** 0 when left out: no buffer is kept. */
  momentum?: number;
  /** Looks ahead by the momentum: steps along g + momentum · b. */
  nesterov?: boolean;
  /** L2 regularisation, of groups that do not set theirs. */
  weightDecay?: number;
}

/** b ← momentum · b + g; p ← p − lr · b. The first b is g, as in PyTorch. */
export class SGD extends Optimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;

  constructor(source: Module | readonly ParameterGroup[], options: SGDOptions = {}) {
    const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
    checkNumber('SGD', 'momentum', momentum, { min: 0 });
    if (nesterov && momentum === 0)
      throw new ConfigError('nesterov-without-momentum', 'SGD: nesterov needs a momentum above 0');
    super(source, momentum === 0 ? [] : ['momentum_buffer'], weightDecay);
    this.#momentum = momentum;
    this.#nesterov = nesterov;
  }

  protected override update(batch: Batch, { lr, weightDecay, gradScale }: StepSettings): void {
    const [momentum, nesterov] = [this.#momentum, this.#nesterov];
    apply(sgdUpdate, batch, { scale: gradScale, l2: weightDecay, decay: 1, step: lr, momentum, nesterov });
  }
}
