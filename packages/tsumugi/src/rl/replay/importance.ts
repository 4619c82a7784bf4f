// Priorities and importance weights (Schaul et al. 2016, arXiv 1511.05952), with ChainerRL's constants:
//
//   priority = (clip(|δ|, errorMin, errorMax) + eps)^α
//   weight   = (P / least P of the batch)^−β     normalize 'batch'
//              (P / least P in memory)^−β        normalize 'memory'
//              (N P)^−β                          normalize false
//
// β grows from β₀ to 1 by (1 − β₀) / betaSteps at every sample.
import { ConfigError, checkNumber, checkNumbers, UserError } from '../../base/index.ts';

export interface ImportanceOptions {
  alpha?: number;
  /** β₀ */
  beta?: number;
  /** Samples until β is 1; null: it stays. */
  betaSteps?: number | null;
  eps?: number;
  normalize?: 'batch' | 'memory' | false;
  errorMin?: number | null;
  errorMax?: number | null;
}

/** ChainerRL's. */
export const importanceDefaults: Required<ImportanceOptions> = {
  alpha: 0.6,
  beta: 0.4,
  betaSteps: 2e5,
  eps: 0.01,
  normalize: 'batch',
  errorMin: 0,
  errorMax: 1,
};

/** The priority of an error of 0 where eps is 0: it is drawn only where there is hardly anything else. */
const LEAST = 1e-30;

export class Importance {
  beta: number;
  readonly #options: Required<ImportanceOptions>;
  readonly #growth: number;

  constructor(options: ImportanceOptions = {}) {
    this.#options = { ...importanceDefaults, ...options };
    const { alpha, beta, betaSteps, eps, normalize } = this.#options;
    checkNumbers('prioritized replay', { alpha, eps }, { min: 0 });
    checkNumber('prioritized replay', 'beta', beta, { min: 0, max: 1 });
    if (betaSteps !== null) checkNumber('prioritized replay', 'betaSteps', betaSteps, { min: 1 });
    if (normalize !== false && normalize !== 'batch' && normalize !== 'memory')
      throw new ConfigError(
        'bad-option',
        `prioritized replay: normalize must be batch, memory or false, got ${normalize}`,
      );
    this.beta = beta;
    this.#growth = betaSteps === null ? 0 : (1 - beta) / betaSteps;
  }

  /** @throws UserError `not-finite` for an error that is no number */
  priority(error: number): number {
    if (Number.isNaN(error))
      throw new UserError('not-finite', 'prioritized replay: an error is NaN, from which no priority follows', {
        remedy: 'Lower the learning rate, or scale the rewards down.',
      });
    const { alpha, eps, errorMin, errorMax } = this.#options;
    const size = Math.max(errorMin ?? -Infinity, Math.min(errorMax ?? Infinity, Math.abs(error)));
    return Math.max(LEAST, (size + eps) ** alpha);
  }

  /**
   * Weights of a sample; β grows.
   *
   * @param least the least probability in memory
   * @param count how many there are in memory
   */
  weights(probabilities: readonly number[], least: number, count: number): Float32Array {
    const { normalize } = this.#options;
    const unit = normalize === 'memory' ? least : normalize === 'batch' ? smallest(probabilities) : 1 / count;
    const weights = Float32Array.from(probabilities, (p) => (p / unit) ** -this.beta);
    this.beta = Math.min(1, this.beta + this.#growth);
    return weights;
  }
}

/** Of as many as there are: arguments of a function are limited. */
const smallest = (values: readonly number[]): number =>
  values.reduce((least, value) => Math.min(least, value), Infinity);
