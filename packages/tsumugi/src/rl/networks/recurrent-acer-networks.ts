// Networks of ACER that remember: a policy, Q and V on features of recurrent cores, in common or one each. A and Q see the features
// of the value's core, so that they know of the past what V knows.
//
//   T time steps   B environments   F features   S numbers of state
import { Linear, lecunNormal, Module, type UnaryModule, zerosInit } from '../../nn/index.ts';
import { type Rng, type Tensor, zeros } from '../../torch/index.ts';
import type { Categorical } from '../distributions/index.ts';
import { type ActorQValues, countedValues, duelingValues } from './acer-networks.ts';
import type { PolicyHead } from './policy-head.ts';
import {
  type Core,
  type RecurrentPolicyModule,
  type TrunkParts,
  trunkStateSize,
  type UnrolledPolicy,
  unrollTrunks,
} from './recurrent-actor-critic.ts';

/** What ACER trains where it remembers; any module of this shape will do. */
export interface RecurrentActorQModule extends RecurrentPolicyModule {
  /** Steps of one environment: observations [T, …] and the state before them [1, S] → values of [T]. */
  evaluateSteps(observations: Tensor, state: Tensor, rng: Rng): ActorQValues;
}

export interface RecurrentActorQParts extends TrunkParts {
  policy: PolicyHead;
}

abstract class RecurrentActorQ extends Module implements RecurrentActorQModule {
  readonly body: UnaryModule;
  readonly core: Core;
  readonly policy: PolicyHead;
  readonly valueBody: UnaryModule | null;
  readonly valueCore: Core | null;

  constructor({ body, core, policy, valueBody, valueCore }: RecurrentActorQParts) {
    super();
    this.body = body;
    this.core = core;
    this.policy = policy;
    this.valueBody = valueBody ?? null;
    this.valueCore = valueCore ?? null;
  }

  /** @param policy features [T, F] @param value features [T, F] */
  protected abstract valuesOf(policy: Tensor, value: Tensor, rng: Rng): ActorQValues;

  get stateSize(): number {
    return trunkStateSize(this);
  }

  initialState(batch: number): Tensor {
    return zeros([batch, this.stateSize], { device: this.parameters()[0]!.device });
  }

  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): UnrolledPolicy {
    const run = unrollTrunks(this, observations, state, starts);
    return { distribution: this.policy.forward(run.policy), state: run.state };
  }

  evaluateSteps(observations: Tensor, state: Tensor, rng: Rng): ActorQValues {
    const { policy, value } = unrollTrunks(this, observations.unsqueeze(1), state);
    return this.valuesOf(policy.squeeze(1), value.squeeze(1), rng);
  }
}

/** For discrete actions. */
export class RecurrentDiscreteActorQ extends RecurrentActorQ {
  readonly out: Linear;

  constructor(parts: RecurrentActorQParts & { features: number; numActions: number; rng: Rng }) {
    super(parts);
    const { features, numActions, rng } = parts;
    this.out = new Linear(features, numActions, { rng, weightInit: lecunNormal(), biasInit: zerosInit() });
  }

  protected override valuesOf(policy: Tensor, value: Tensor): ActorQValues {
    return countedValues(this.policy.forward(policy) as Categorical, this.out.forward(value));
  }
}

/** Stochastic dueling, for continuous actions. */
export class RecurrentDuelingActorQ extends RecurrentActorQ {
  readonly value: UnaryModule;
  readonly advantage: UnaryModule;
  readonly samples: number;

  /** Value: features [T, F] → [T]; advantage: [features, action] [T, F + A] → [T, 1]; samples: actions drawn for its mean. */
  constructor(parts: RecurrentActorQParts & { value: UnaryModule; advantage: UnaryModule; samples: number }) {
    super(parts);
    this.value = parts.value;
    this.advantage = parts.advantage;
    this.samples = parts.samples;
  }

  protected override valuesOf(policy: Tensor, value: Tensor, rng: Rng): ActorQValues {
    const { advantage, samples } = this;
    const distribution = this.policy.forward(policy);
    return duelingValues({ distribution, values: this.value.forward(value), seen: value, advantage, samples, rng });
  }
}
