// Values that are quadratic in a continuous action (normalized advantage functions; Gu et al. 2016, arXiv 1603.00748):
//
//   Q(s, u) = V(s) − ½ (u − μ(s))ᵀ P(s) (u − μ(s))     P positive definite
import { fromBytes, type Tensor } from '../../torch/index.ts';
import type { Box } from '../spaces/index.ts';
import type { ActionValues } from './action-values.ts';

export class QuadraticValues implements ActionValues {
  /** [B, D] */
  readonly mu: Tensor;
  /** [B, D, D] */
  readonly p: Tensor;
  /** [B] */
  readonly v: Tensor;
  readonly #space: Box | undefined;

  /** @param space the box that greedy actions are clipped to */
  constructor(mu: Tensor, p: Tensor, v: Tensor, space?: Box) {
    this.mu = mu;
    this.p = p;
    this.v = v;
    this.#space = space;
  }

  rows(index: Tensor): QuadraticValues {
    const [mu, p, v] = [this.mu, this.p, this.v].map((each) => each.indexSelect(0, index));
    return new QuadraticValues(mu!, p!, v!, this.#space);
  }

  greedyActions(): Tensor {
    if (!this.#space) return this.mu;
    const [low, high] = [this.#space.low, this.#space.high].map((bound) =>
      fromBytes(Float32Array.from(bound), 'float32', [1, bound.length]).to(this.mu.device),
    );
    return this.mu.maximum(low!).minimum(high!);
  }

  /** Where the box holds μ, this is V. */
  max(): Tensor {
    return this.#space ? this.evaluateActions(this.greedyActions()) : this.v;
  }

  evaluateActions(actions: Tensor): Tensor {
    const away = actions.sub(this.mu).unsqueeze(-1);
    return this.v.sub(away.mul(this.p.matmul(away)).sum([1, 2]).mul(0.5));
  }

  advantage(actions: Tensor): Tensor {
    return this.evaluateActions(actions).sub(this.max());
  }
}
