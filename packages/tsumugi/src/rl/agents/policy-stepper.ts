// One step of a policy for some environments, with the memory of each where the policy is recurrent.
import type { Module } from '../../nn/index.ts';
import { type Device, fromBytes, type Tensor } from '../../torch/index.ts';
import type { Distribution } from '../distributions/index.ts';
import {
  type ActorCriticModule,
  isRecurrentModel,
  type RecurrentActorCriticModule,
  type RecurrentPolicyModule,
} from '../networks/index.ts';
import { onDevice } from '../on-device.ts';

/** A policy without memory. */
export interface PolicyOnly extends Module {
  policyOf(observations: Tensor): Distribution;
}

/** A policy and a value function, with or without memory. */
export type ActorCriticModel = ActorCriticModule | RecurrentActorCriticModule;

/** A policy, with or without memory. */
export type PolicyModel = PolicyOnly | RecurrentPolicyModule;

export class PolicyStepper {
  readonly model: PolicyModel;
  /** Where the model is. */
  readonly device: Device;
  /** The state of every environment [N · S], before the next step; of a policy without memory none. */
  memory: Float32Array;

  constructor(model: PolicyModel, environments: number) {
    this.model = model;
    this.device = model.parameters()[0]!.device;
    this.memory = new Float32Array(environments * this.stateSize);
  }

  /** S */
  get stateSize(): number {
    return isRecurrentModel(this.model) ? this.model.stateSize : 0;
  }

  /** The policy at observations [N, …], and a step of the memory. */
  policy(observations: Tensor): Distribution {
    if (!isRecurrentModel(this.model)) return this.model.policyOf(observations);
    const environments = observations.shape[0]!;
    const state = onDevice(fromBytes(this.memory, 'float32', [environments, this.model.stateSize]), this.device);
    const { distribution, state: after } = this.model.unroll(observations.unsqueeze(0), state);
    this.memory = after.data() as Float32Array;
    return distribution.withParameters(distribution.parameters.map((each) => each.squeeze(0)));
  }

  /** Environment `i` begins an episode: it remembers nothing. */
  reset(i: number): void {
    this.memory.fill(0, i * this.stateSize, (i + 1) * this.stateSize);
  }
}
