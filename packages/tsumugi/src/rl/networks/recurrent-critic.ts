// A critic of continuous actions that remembers what was seen and done: layers on both, a recurrent core, and one value.
//
//   T time steps   B environments   A numbers of an action   S numbers of state
import { type Initializer, Linear, Module, zerosInit } from '../../nn/index.ts';
import { cat, type Rng, type Tensor, zeros } from '../../torch/index.ts';
import { type Body, scaled } from './body.ts';
import type { RecurrentCore } from './recurrent.ts';

export interface RecurrentCriticParts {
  /** [observation, action] [B, O + A] → features [B, F] */
  body: Body;
  core: RecurrentCore;
  rng: Rng;
  weightInit: Initializer;
}

export class RecurrentCritic extends Module {
  readonly body: Body;
  readonly core: RecurrentCore;
  readonly value: Linear;

  constructor({ body, core, rng, weightInit }: RecurrentCriticParts) {
    super();
    this.body = body;
    this.core = core;
    this.value = new Linear(core.features, 1, { rng, weightInit, biasInit: zerosInit() });
  }

  get stateSize(): number {
    return this.core.stateSize;
  }

  /** observations [N, …], actions [N, A], each with the state before it [N, S] → Q [N], and the states after [N, S] */
  step(observations: Tensor, actions: Tensor, states: Tensor): { q: Tensor; states: Tensor } {
    const seen = scaled(observations);
    const both = cat([seen.ndim > 2 ? seen.flatten(1) : seen, actions], 1);
    const { output, state } = this.core.unroll(this.body.forward(both).unsqueeze(0), states);
    return { q: this.value.forward(output.squeeze(0)).squeeze(-1), states: state };
  }

  /**
   * Along episodes, from a state of zeros: observations [T, B, …], actions [T, B, A] → Q [T, B], and the states before each step and
   * after the last one [T + 1, B, S]. Step by step: a core gives no states on its way.
   */
  follow(observations: Tensor, actions: Tensor): { q: Tensor; states: Tensor } {
    const [length, batch] = actions.shape as [number, number];
    const states = [zeros([batch, this.stateSize], { device: actions.device })];
    const q = Array.from({ length }, (_, t) => {
      const made = this.step(observations.select(0, t), actions.select(0, t), states[t]!);
      states.push(made.states);
      return made.q.unsqueeze(0);
    });
    return { q: cat(q, 0), states: cat(states, 0).unflatten(0, [length + 1, batch]) };
  }
}
