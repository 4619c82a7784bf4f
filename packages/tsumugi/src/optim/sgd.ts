// Stochastic gradient descent with momentum (Polyak 1964; Nesterov's form as in Sutskever et al. 2013).
import { ConfigError, checkNumber, checkOptions, type OptionNames } from '../base/index.ts';
import { Optimizer, type StepSettings } from './optimizer.ts';
import { type OptimizerOptions, type OptimizerSource, optimizerOptions } from './source.ts';
import { apply, type Batch, sgdUpdate } from './updates.ts';

/** `weightDecay` is L2 regularisation. */
export interface SGDOptions extends OptimizerOptions {
  /** 0 when left out: no buffer is kept. */
  momentum?: number;
  /** Looks ahead by the momentum: steps along g + momentum · b. */
  nesterov?: boolean;
}

const sgdOptions: OptionNames<SGDOptions> = { ...optimizerOptions, momentum: true, nesterov: true };

/**
 * b ← momentum · b + g; p ← p − lr · b. The first b is g, as in PyTorch.
 *
 * @example
 * ```ts
 * const model = new Linear(1, 1, { weightInit: constant(1), bias: false });
 * const optimizer = new SGD(model, { lr: 0.5, momentum: 0.9 });
 * model.forward(ones(1)).sum().backward(); // the gradient is 1
 * optimizer.step();
 * console.log(model.weight.item().toFixed(4)); // prints 0.5000
 * ```
 */
export class SGD extends Optimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;

  constructor(source: OptimizerSource, options: SGDOptions = {}) {
    checkOptions('SGD', options, sgdOptions);
    const { momentum = 0, nesterov = false } = options;
    checkNumber('SGD', 'momentum', momentum, { min: 0 });
    if (nesterov && momentum === 0)
      throw new ConfigError('nesterov-without-momentum', 'SGD: nesterov needs a momentum above 0');
    super(source, momentum === 0 ? [] : ['momentum_buffer'], options);
    this.#momentum = momentum;
    this.#nesterov = nesterov;
  }

  protected override update(batch: Batch, { lr, weightDecay, gradScale }: StepSettings): void {
    const [momentum, nesterov] = [this.#momentum, this.#nesterov];
    apply(sgdUpdate, batch, { scale: gradScale, l2: weightDecay, decay: 1, step: lr, momentum, nesterov });
  }
}
