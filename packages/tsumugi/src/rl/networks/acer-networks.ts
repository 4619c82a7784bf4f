// Networks of ACER: a policy, Q and V together.
//
//   discrete actions     Q = W x + b of every action, and V = Σ_a π(a) Q(a)
//   continuous actions   stochastic dueling (SDN): Q(a) = V + A(a) − 1/n Σ_i A(u_i), with u_i drawn from π
import { Linear, lecunNormal, Module, type UnaryModule, zerosInit } from '../../nn/index.ts';
import { cat, noGrad, type Rng, type Tensor } from '../../torch/index.ts';
import type { Categorical, Distribution } from '../distributions/index.ts';
import type { PolicyHead } from './policy-head.ts';

export interface ActorQValues {
  distribution: Distribution;
  /** V [B] */
  values: Tensor;
  /** Q(a) [B] of actions [B] or [B, A] */
  q(actions: Tensor): Tensor;
  /** Q of every counted action [B, A]. */
  all: Tensor | undefined;
}

/** What ACER trains; any module of this shape will do. */
export interface ActorQModule extends Module {
  /** @param rng what SDN draws its actions from */
  evaluate(observations: Tensor, rng: Rng): ActorQValues;
  policyOf(observations: Tensor): Distribution;
}

/** @param all Q of every action [B, A] */
export const countedValues = (distribution: Categorical, all: Tensor): ActorQValues => ({
  distribution,
  values: distribution.probabilities.mul(all).sum(-1),
  q: (actions) => all.gather(-1, actions.unsqueeze(-1)).squeeze(-1),
  all,
});

/** What Q of continuous actions is made of. */
export interface Dueling {
  distribution: Distribution;
  /** V [B] */
  values: Tensor;
  /** What A sees besides the action [B, F]. */
  seen: Tensor;
  /** [seen, action] [B, F + A] → [B, 1] */
  advantage: UnaryModule;
  /** Actions drawn for the mean (n). */
  samples: number;
  rng: Rng;
}

export function duelingValues({ distribution, values, seen, advantage, samples, rng }: Dueling): ActorQValues {
  const advantageOf = (actions: Tensor) => advantage.forward(cat([seen, actions], -1)).squeeze(-1);
  const q = (actions: Tensor) => {
    let mean: Tensor | undefined;
    for (let i = 0; i < samples; i++) {
      const one = advantageOf(noGrad(() => distribution.sample(rng))).div(samples);
      mean = mean ? mean.add(one) : one;
    }
    return values.add(advantageOf(actions)).sub(mean!);
  };
  return { distribution, values, q, all: undefined };
}

export interface DiscreteActorQParts {
  body: UnaryModule;
  policy: PolicyHead;
  /** Of Q; the policy's when left out. */
  qBody?: UnaryModule;
  /** Features that Q is made of. */
  features: number;
  numActions: number;
  rng: Rng;
}

/** For discrete actions. */
export class DiscreteActorQ extends Module implements ActorQModule {
  readonly body: UnaryModule;
  readonly policy: PolicyHead;
  readonly qBody: UnaryModule | null;
  readonly out: Linear;

  constructor({ body, policy, qBody, features, numActions, rng }: DiscreteActorQParts) {
    super();
    this.body = body;
    this.policy = policy;
    this.qBody = qBody ?? null;
    this.out = new Linear(features, numActions, { rng, weightInit: lecunNormal(), biasInit: zerosInit() });
  }

  policyOf(observations: Tensor): Distribution {
    return this.policy.forward(this.body.forward(observations));
  }

  evaluate(observations: Tensor): ActorQValues {
    const features = this.body.forward(observations);
    const all = this.out.forward(this.qBody ? this.qBody.forward(observations) : features);
    return countedValues(this.policy.forward(features) as Categorical, all);
  }
}

export interface DuelingActorQParts {
  body: UnaryModule;
  policy: PolicyHead;
  /** Of V; the policy's when left out. */
  valueBody?: UnaryModule;
  /** features [B, H] → V [B] */
  value: UnaryModule;
  /** [observation, action] [B, O + A] → [B, 1] */
  advantage: UnaryModule;
  /** Actions drawn for the mean (n). */
  samples: number;
}

/** Stochastic dueling, for continuous actions. */
export class DuelingActorQ extends Module implements ActorQModule {
  readonly body: UnaryModule;
  readonly policy: PolicyHead;
  readonly valueBody: UnaryModule | null;
  readonly value: UnaryModule;
  readonly advantage: UnaryModule;
  readonly samples: number;

  constructor({ body, policy, valueBody, value, advantage, samples }: DuelingActorQParts) {
    super();
    this.body = body;
    this.policy = policy;
    this.valueBody = valueBody ?? null;
    this.value = value;
    this.advantage = advantage;
    this.samples = samples;
  }

  policyOf(observations: Tensor): Distribution {
    return this.policy.forward(this.body.forward(observations));
  }

  evaluate(observations: Tensor, rng: Rng): ActorQValues {
    const features = this.body.forward(observations);
    return duelingValues({
      distribution: this.policy.forward(features),
      values: this.value.forward(this.valueBody ? this.valueBody.forward(observations) : features),
      seen: observations.flatten(1),
      advantage: this.advantage,
      samples: this.samples,
      rng,
    });
  }
}
