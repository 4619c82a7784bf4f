// Critics of continuous actions: Q(s, a) of both in one vector.
//
//   B batch   A numbers of an action
import { Linear, Module } from '../../nn/index.ts';
import { cat, type Tensor } from '../../torch/index.ts';
import { scaled } from './body.ts';
import { initializerOf } from './initial.ts';
import { MLP, type MLPOptions } from './mlp.ts';

export class Critic extends Module {
  readonly body: MLP;
  readonly value: Linear;

  /** @param inputs numbers of an observation and of an action together */
  constructor(inputs: number, sizes: readonly number[], options: MLPOptions) {
    super();
    const { rng, weightInit = 'lecun-normal' } = options;
    this.body = new MLP(inputs, sizes, options);
    this.value = new Linear(this.body.features, 1, {
      rng,
      weightInit: typeof weightInit === 'function' ? weightInit : initializerOf(weightInit),
      biasInit: (target) => void target.zero_(),
    });
  }

  /** observations [B, …], actions [B, A] → [B] */
  forward(observations: Tensor, actions: Tensor): Tensor {
    const seen = scaled(observations);
    return this.body.into(this.value, cat([seen.ndim > 2 ? seen.flatten(1) : seen, actions], 1)).squeeze(-1);
  }
}

/** Two critics, of which targets take the smaller value (Fujimoto et al. 2018, arXiv 1802.09477). */
export class TwinCritics extends Module {
  readonly first: Critic;
  readonly second: Critic;

  constructor(inputs: number, sizes: readonly number[], options: MLPOptions) {
    super();
    this.first = new Critic(inputs, sizes, options);
    this.second = new Critic(inputs, sizes, options);
  }

  /** What both say, each [B]. */
  forward(observations: Tensor, actions: Tensor): [Tensor, Tensor] {
    return [this.first.forward(observations, actions), this.second.forward(observations, actions)];
  }

  /** min(Q₁, Q₂) [B] */
  min(observations: Tensor, actions: Tensor): Tensor {
    const [a, b] = this.forward(observations, actions);
    return a.minimum(b);
  }
}
