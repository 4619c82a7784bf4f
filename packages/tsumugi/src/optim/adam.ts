// Adam (Kingma & Ba 2015, arXiv 1412.6980) and AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101).
import { checkChoice, checkNumber, checkOptions, type OptionNames } from '../base/index.ts';
import { Optimizer, type StepSettings } from './optimizer.ts';
import { type OptimizerOptions, type OptimizerSource, optimizerOptions } from './source.ts';
import { adamUpdate, apply, type Batch } from './updates.ts';

/** `weightDecay` is 0 for Adam and 0.01 for AdamW when left out. */
export interface AdamOptions extends OptimizerOptions {
  betas?: readonly [number, number];
  eps?: number;
  /**
   * What eps is added to: √v after its bias correction (the paper, PyTorch; when left out) or before it (Chainer,
   * TensorFlow), where it weighs 1/√(1 − β2ᵗ) as much. It matters when eps is large, as in deep RL.
   */
  epsOn?: 'corrected' | 'uncorrected';
}

const adamOptions: OptionNames<AdamOptions> = { ...optimizerOptions, betas: true, eps: true, epsOn: true };

abstract class AdamFamily extends Optimizer {
  readonly #options: Required<AdamOptions>;

  constructor(source: OptimizerSource, options: Required<AdamOptions>) {
    super(source, ['exp_avg', 'exp_avg_sq'], options);
    const owner = this.constructor.name;
    checkOptions(owner, options, adamOptions);
    for (const i of [0, 1] as const) checkNumber(owner, `betas[${i}]`, options.betas[i], { min: 0, below: 1 });
    checkNumber(owner, 'eps', options.eps, { min: 0 });
    checkChoice(owner, 'epsOn', options.epsOn, ['corrected', 'uncorrected']);
    this.#options = options;
  }

  /** How weight decay enters: as the gradient of a penalty, or as a shrinking of the weights. */
  protected abstract regularisation(lr: number, weightDecay: number): { l2: number; decay: number };

  protected override update(batch: Batch, { lr, weightDecay, gradScale, step }: StepSettings): void {
    const { betas, eps, epsOn } = this.#options;
    const [beta1, beta2] = betas;
    const rootScale = 1 / Math.sqrt(1 - beta2 ** step);
    apply(adamUpdate, batch, {
      ...this.regularisation(lr, weightDecay),
      scale: gradScale,
      step: lr / (1 - beta1 ** step),
      beta1,
      beta2,
      rootScale,
      eps: epsOn === 'corrected' ? eps : eps * rootScale,
    });
  }
}

const defaults = { lr: undefined, betas: [0.9, 0.999], eps: 1e-8, epsOn: 'corrected' } as const;

/**
 * Adam; weight decay is added to the gradient (L2) and so goes through the moving averages.
 *
 * @example
 * ```ts
 * const model = new Linear(1, 1, { weightInit: constant(1), bias: false });
 * const optimizer = new Adam(model, { lr: 0.5 });
 * model.forward(ones(1)).sum().backward(); // the gradient is 1
 * optimizer.step();
 * console.log(model.weight.item().toFixed(4)); // prints 0.5000
 * ```
 */
export class Adam extends AdamFamily {
  constructor(source: OptimizerSource, options: AdamOptions = {}) {
    super(source, { ...defaults, weightDecay: 0, ...options });
  }

  protected override regularisation(_lr: number, weightDecay: number): { l2: number; decay: number } {
    return { l2: weightDecay, decay: 1 };
  }
}

/**
 * Adam with decoupled weight decay: p ← (1 − lr · weightDecay) · p − lr · m̂ / (√v̂ + eps).
 *
 * @example
 * ```ts
 * const model = new Linear(1, 1, { weightInit: constant(1), bias: false });
 * const optimizer = new AdamW(model, { lr: 0.5, weightDecay: 0.01 });
 * model.forward(ones(1)).sum().backward(); // the gradient is 1
 * optimizer.step();
 * console.log(model.weight.item().toFixed(4)); // prints 0.4950
 * ```
 */
export class AdamW extends AdamFamily {
  constructor(source: OptimizerSource, options: AdamOptions = {}) {
    super(source, { ...defaults, weightDecay: 0.01, ...options });
  }

  protected override regularisation(lr: number, weightDecay: number): { l2: number; decay: number } {
    return { l2: 0, decay: 1 - lr * weightDecay };
  }
}
