// Values of discrete actions: numbers, distributions over atoms, or quantiles. Each has `q`, the expected values [B, A].
import type { Tensor } from '../../torch/index.ts';
import type { ActionValues } from './action-values.ts';

/** Rows of [B, A, …] at the actions [B]: [B, …]. */
function chosen(values: Tensor, actions: Tensor): Tensor {
  if (values.ndim === 2) return values.gather(1, actions.unsqueeze(1)).squeeze(1);
  const rest = values.shape.slice(2);
  const index = actions.reshape([actions.size(0), 1, ...rest.map(() => 1)]).expand([actions.size(0), 1, ...rest]);
  return values.gather(1, index).squeeze(1);
}

export class DiscreteValues implements ActionValues {
  readonly #q: Tensor | undefined;

  /** @param q [B, A]; what is derived from others says how */
  constructor(q?: Tensor) {
    this.#q = q;
  }

  /** Expected values. [B, A] */
  get q(): Tensor {
    return this.#q!;
  }

  rows(index: Tensor): DiscreteValues {
    return new DiscreteValues(this.q.indexSelect(0, index));
  }

  greedyActions(): Tensor {
    return this.q.argmax(1);
  }

  max(): Tensor {
    return this.q.amax(1);
  }

  evaluateActions(actions: Tensor): Tensor {
    return chosen(this.q, actions);
  }

  advantage(actions: Tensor): Tensor {
    return this.evaluateActions(actions).sub(this.max());
  }

  /** Q(s, a) − Q(s, argmax of `chooser`): the advantage as a double estimator has it. */
  doubleAdvantage(actions: Tensor, chooser: DiscreteValues): Tensor {
    return this.evaluateActions(actions).sub(this.evaluateActions(chooser.greedyActions()));
  }

  /** The mean of Q under softmax(β Q). [B] */
  expectation(beta = 1): Tensor {
    return this.q.mul(beta).softmax(1).mul(this.q).sum(1);
  }
}

/** p(s, a) over atoms z: Q = Σ z p (Bellemare et al. 2017). */
export class DistributionalValues extends DiscreteValues {
  /** [B, A, Z] */
  readonly probabilities: Tensor;
  /** [Z] */
  readonly atoms: Tensor;
  #mean: Tensor | undefined;

  constructor(probabilities: Tensor, atoms: Tensor) {
    super();
    this.probabilities = probabilities;
    this.atoms = atoms;
  }

  override get q(): Tensor {
    this.#mean ??= this.probabilities.mul(this.atoms).sum(-1);
    return this.#mean;
  }

  override rows(index: Tensor): DistributionalValues {
    return new DistributionalValues(this.probabilities.indexSelect(0, index), this.atoms);
  }

  /** [B, Z] */
  distributionOf(actions: Tensor): Tensor {
    return chosen(this.probabilities, actions);
  }

  /** Of the best actions. [B, Z] */
  maxDistribution(): Tensor {
    return this.distributionOf(this.greedyActions());
  }
}

/** Values at some quantiles τ: Q is their mean (Dabney et al. 2018). */
export class QuantileValues extends DiscreteValues {
  /** [B, N, A] */
  readonly quantiles: Tensor;
  #mean: Tensor | undefined;

  constructor(quantiles: Tensor) {
    super();
    this.quantiles = quantiles;
  }

  override get q(): Tensor {
    this.#mean ??= this.quantiles.mean(1);
    return this.#mean;
  }

  override rows(index: Tensor): QuantileValues {
    return new QuantileValues(this.quantiles.indexSelect(0, index));
  }

  /** [B, N] */
  quantilesOf(actions: Tensor): Tensor {
    return chosen(this.quantiles.transpose(1, 2), actions);
  }
}
