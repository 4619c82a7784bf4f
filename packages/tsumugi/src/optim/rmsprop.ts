// RMSprop (Tieleman & Hinton 2012; centred by Graves 2013, arXiv 1308.0850), with either placement of epsilon.
import { checkChoice, checkNumber, checkNumbers, checkOptions, type OptionNames } from '../base/index.ts';
import { Optimizer, type StepSettings } from './optimizer.ts';
import { type OptimizerOptions, type OptimizerSource, optimizerOptions } from './source.ts';
import { apply, type Batch, rmspropUpdate } from './updates.ts';

/** `weightDecay` is L2 regularisation. */
export interface RMSpropOptions extends OptimizerOptions {
  /** Decay of the moving averages. */
  alpha?: number;
  eps?: number;
  /**
   * g / (√s + eps), as PyTorch has it (when left out), or g / √(s + eps), as in Chainer's asynchronous and Graves'
   * variants and TensorFlow. The second is far gentler on small gradients: √eps takes the place of eps.
   */
  epsPlacement?: 'outside' | 'inside';
  momentum?: number;
  /** Divides by the standard deviation of the gradients instead of their root mean square. */
  centered?: boolean;
}

const rmspropOptions: OptionNames<RMSpropOptions> = {
  ...optimizerOptions,
  alpha: true,
  eps: true,
  epsPlacement: true,
  momentum: true,
  centered: true,
};

/**
 * g / (√s + eps), with s the moving average of g²; also centred, and with momentum.
 *
 * @example
 * ```ts
 * const model = new Linear(1, 1, { weightInit: constant(1), bias: false });
 * const optimizer = new RMSprop(model, { lr: 0.05 });
 * model.forward(ones(1)).sum().backward(); // the gradient is 1
 * optimizer.step();
 * console.log(model.weight.item().toFixed(4)); // prints 0.5000
 * ```
 */
export class RMSprop extends Optimizer {
  readonly #options: Required<Omit<RMSpropOptions, keyof OptimizerOptions>>;

  constructor(source: OptimizerSource, options: RMSpropOptions = {}) {
    checkOptions('RMSprop', options, rmspropOptions);
    const defaults = { alpha: 0.99, eps: 1e-8, epsPlacement: 'outside', momentum: 0, centered: false } as const;
    const all = { ...defaults, ...options };
    checkNumber('RMSprop', 'alpha', all.alpha, { min: 0, max: 1 });
    checkNumbers('RMSprop', { eps: all.eps, momentum: all.momentum }, { min: 0 });
    checkChoice('RMSprop', 'epsPlacement', all.epsPlacement, ['outside', 'inside']);
    const kinds = ['square_avg'];
    if (all.centered) kinds.push('grad_avg');
    if (all.momentum !== 0) kinds.push('momentum_buffer');
    super(source, kinds, options);
    this.#options = all;
  }

  protected override update(batch: Batch, { lr, weightDecay, gradScale }: StepSettings): void {
    const { alpha, eps, epsPlacement, momentum, centered } = this.#options;
    const inside = epsPlacement === 'inside';
    apply(rmspropUpdate, batch, {
      scale: gradScale,
      l2: weightDecay,
      decay: 1,
      step: lr,
      alpha,
      momentum,
      centered,
      epsInside: inside ? eps : 0,
      epsOutside: inside ? 0 : eps,
    });
  }
}
