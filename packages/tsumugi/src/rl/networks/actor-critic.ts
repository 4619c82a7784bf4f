// A policy and a value function, with a body in common or one each.
import { Module, type UnaryModule } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { Distribution } from '../distributions/index.ts';
import type { PolicyHead } from './policy-head.ts';

/** What an actor-critic says of a batch of observations. */
export interface PolicyValues {
  distribution: Distribution;
  /** V(s) [...] */
  values: Tensor;
}

export interface ActorCriticParts {
  /** observations [B, …] → features [B, H] */
  body: UnaryModule;
  policy: PolicyHead;
  /** Of the value function; the policy's when left out. */
  valueBody?: UnaryModule;
  /** features [B, H] → [B] */
  value: UnaryModule;
}

/** What agents with a policy and a value function train; any module of this shape will do. */
export interface ActorCriticModule extends Module {
  /** observations [B, …] */
  forward(observations: Tensor): PolicyValues;
  /** The policy alone, for acting. */
  policyOf(observations: Tensor): Distribution;
  /** V(s) [B] alone. */
  valuesOf(observations: Tensor): Tensor;
}

export class ActorCritic extends Module implements ActorCriticModule {
  readonly body: UnaryModule;
  readonly policy: PolicyHead;
  readonly valueBody: UnaryModule | null;
  readonly value: UnaryModule;

  constructor({ body, policy, valueBody, value }: ActorCriticParts) {
    super();
    this.body = body;
    this.policy = policy;
    this.valueBody = valueBody ?? null;
    this.value = value;
  }

  /** The policy's parameters, and the value function's own. */
  get parts(): { policy: Tensor[]; value: Tensor[] } {
    return {
      policy: [...this.body.parameters(), ...this.policy.parameters()],
      value: [...(this.valueBody?.parameters() ?? []), ...this.value.parameters()],
    };
  }

  forward(observations: Tensor): PolicyValues {
    const features = this.body.forward(observations);
    const valueFeatures = this.valueBody ? this.valueBody.forward(observations) : features;
    return { distribution: this.policy.forward(features), values: this.value.forward(valueFeatures) };
  }

  policyOf(observations: Tensor): Distribution {
    return this.policy.forward(this.body.forward(observations));
  }

  valuesOf(observations: Tensor): Tensor {
    return this.value.forward((this.valueBody ?? this.body).forward(observations));
  }
}
