// A policy and a value function that remember: a recurrent core between body and head, in common or one each.
//
//   T time steps   B environments   F features   S numbers of state, a row for each environment
import { Module, type UnaryModule } from '../../nn/index.ts';
import { cat, type Tensor, zeros } from '../../torch/index.ts';
import type { PolicyValues } from './actor-critic.ts';
import type { PolicyHead } from './policy-head.ts';

/** What a recurrent layer must have. */
export interface Core extends Module {
  /** S */
  readonly stateSize: number;
  /** x [T, B, F], state [B, S]; where `starts` [T · B] is 1 the state before that step is zero */
  unroll(x: Tensor, state: Tensor, starts?: Uint8Array): { output: Tensor; state: Tensor };
}

export interface RecurrentPolicyValues extends PolicyValues {
  /** After the last step [B, S]. */
  state: Tensor;
}

/** What agents take for a recurrent model; any module of this shape will do. */
export interface RecurrentActorCriticModule extends Module {
  readonly stateSize: number;
  initialState(batch: number): Tensor;
  /** observations [T, B, …] → distributions and values [T, B] */
  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): RecurrentPolicyValues;
}

export const isRecurrentModel = (model: Module): model is RecurrentActorCriticModule => 'unroll' in model;

export interface RecurrentParts {
  /** observations [B, …] → features [B, F] */
  body: UnaryModule;
  core: Core;
  policy: PolicyHead;
  /** Of the value function, both or neither; the policy's when left out. */
  valueBody?: UnaryModule;
  valueCore?: Core;
  value: UnaryModule;
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
    return this.core.stateSize + (this.valueCore?.stateSize ?? 0);
  }

  /** The policy's parameters, and the value function's own. */
  get parts(): { policy: Tensor[]; value: Tensor[] } {
    const of = (...modules: (Module | null)[]) => modules.flatMap((module) => module?.parameters() ?? []);
    return { policy: of(this.body, this.core, this.policy), value: of(this.valueBody, this.valueCore, this.value) };
  }

  initialState(batch: number): Tensor {
    return zeros([batch, this.stateSize]);
  }

  unroll(observations: Tensor, state: Tensor, starts?: Uint8Array): RecurrentPolicyValues {
    const [length, batch] = observations.shape as [number, number];
    const over = (body: UnaryModule) => body.forward(observations.flatten(0, 1)).unflatten(0, [length, batch]);
    const own = this.core.stateSize;
    const run = this.core.unroll(over(this.body), state.narrow(1, 0, own), starts);
    const distribution = this.policy.forward(run.output);
    if (!this.valueCore) return { distribution, values: this.value.forward(run.output), state: run.state };
    const rest = state.narrow(1, own, this.valueCore.stateSize);
    const valued = this.valueCore.unroll(over(this.valueBody ?? this.body), rest, starts);
    return {
      distribution,
      values: this.value.forward(valued.output),
      state: cat([run.state, valued.state], 1),
    };
  }
}
