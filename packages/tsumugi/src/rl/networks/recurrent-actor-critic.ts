// A policy and a value function that remember: a recurrent core between body and head, in common or one each.
//
//   T time steps   B environments   F features   S numbers of state, a row for each environment
import { Module, type UnaryModule } from '../../nn/index.ts';
import { cat, type Tensor, zeros } from '../../torch/index.ts';
import type { Distribution } from '../distributions/index.ts';
import type { ActorCriticModule, PolicyValues } from './actor-critic.ts';
import type { PolicyHead } from './policy-head.ts';

/** What a recurrent layer must have. */
export interface Core extends Module {
  /** S */
  readonly stateSize: number;
  /** x [T, B, F], state [B, S]; where `starts` [T · B] is 1 the state before that step is zero */
  unroll(x: Tensor, state: Tensor, starts?: Uint8Array): { output: Tensor; state: Tensor };
}

export interface UnrolledPolicy {
  /** [T, B] */
  distribution: Distribution;
  /** After the last step [B, S]. */
  state: Tensor;
}

export type RecurrentPolicyValues = UnrolledPolicy & PolicyValues;

/** What acts with a memory; any module of this shape will do. */
export interface RecurrentPolicyModule extends Module {
  readonly stateSize: number;
  initialState(batch: number): Tensor;
  /** observations [T, B, …] */
  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): UnrolledPolicy;
}

/** What agents take for a recurrent model; any module of this shape will do. */
export interface RecurrentActorCriticModule extends RecurrentPolicyModule {
  /** observations [T, B, …] → distributions and values [T, B] */
  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): RecurrentPolicyValues;
}

export function isRecurrentModel(
  model: ActorCriticModule | RecurrentActorCriticModule,
): model is RecurrentActorCriticModule;
export function isRecurrentModel(model: Module): model is RecurrentPolicyModule;
export function isRecurrentModel(model: Module): boolean {
  return 'unroll' in model;
}

/** What makes features of observations over time. */
export interface TrunkParts {
  /** observations [B, …] → features [B, F] */
  body: UnaryModule;
  core: Core;
  /** Of the value function, both or neither; the policy's when left out. */
  valueBody?: UnaryModule;
  valueCore?: Core;
}

export interface RecurrentParts extends TrunkParts {
  policy: PolicyHead;
  value: UnaryModule;
}

/** Bodies and cores as a module has them. */
export interface Trunks {
  readonly body: UnaryModule;
  readonly core: Core;
  readonly valueBody: UnaryModule | null;
  readonly valueCore: Core | null;
}

export const trunkStateSize = ({ core, valueCore }: Trunks): number => core.stateSize + (valueCore?.stateSize ?? 0);

/** Features for the policy and for the value function [T, B, F], and the state of both after the last step [B, S]. */
export function unrollTrunks(
  { body, core, valueBody, valueCore }: Trunks,
  observations: Tensor,
  state: Tensor,
  starts?: Uint8Array,
): { policy: Tensor; value: Tensor; state: Tensor } {
  const [length, batch] = observations.shape as [number, number];
  const over = (of: UnaryModule) => of.forward(observations.flatten(0, 1)).unflatten(0, [length, batch]);
  const own = core.stateSize;
  const run = core.unroll(over(body), state.narrow(1, 0, own), starts);
  if (!valueCore) return { policy: run.output, value: run.output, state: run.state };
  const valued = valueCore.unroll(over(valueBody ?? body), state.narrow(1, own, valueCore.stateSize), starts);
  return { policy: run.output, value: valued.output, state: cat([run.state, valued.state], 1) };
}

export class RecurrentActorCritic extends Module implements RecurrentActorCriticModule {
  readonly body: UnaryModule;
  readonly core: Core;
  readonly policy: PolicyHead;
  readonly valueBody: UnaryModule | null;
  readonly valueCore: Core | null;
  readonly value: UnaryModule;

  constructor({ body, core, policy, valueBody, valueCore, value }: RecurrentParts) {
    super();
    this.body = body;
    this.core = core;
    this.policy = policy;
    this.valueBody = valueBody ?? null;
    this.valueCore = valueCore ?? null;
    this.value = value;
  }

  get stateSize(): number {
    return trunkStateSize(this);
  }

  /** The policy's parameters, and the value function's own. */
  get parts(): { policy: Tensor[]; value: Tensor[] } {
    const of = (...modules: (Module | null)[]) => modules.flatMap((module) => module?.parameters() ?? []);
    return { policy: of(this.body, this.core, this.policy), value: of(this.valueBody, this.valueCore, this.value) };
  }

  initialState(batch: number): Tensor {
    return zeros([batch, this.stateSize], { device: this.parameters()[0]!.device });
  }

  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): RecurrentPolicyValues {
    const { policy, value, state: after } = unrollTrunks(this, observations, state, starts);
    return { distribution: this.policy.forward(policy), values: this.value.forward(value), state: after };
  }
}
