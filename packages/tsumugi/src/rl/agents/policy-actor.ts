// Acts by a policy for evaluation: the agent's weights as they are, and a stream of its own.
import { type Device, noGrad, Rng, scope, type Tensor } from '../../torch/index.ts';
import type { Actor } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import type { ObservationInput } from '../observation-input.ts';
import type { ActionOutput } from './action-output.ts';
import { type PolicyModel, PolicyStepper } from './policy-stepper.ts';

export interface PolicyActorParts {
  model: PolicyModel;
  /** Where the model is. */
  device: Device;
  input: ObservationInput;
  output: ActionOutput;
  normalized(observations: Tensor): Tensor;
  /** Takes the likeliest action instead of drawing one. */
  deterministic: boolean;
  seed: number;
}

export class PolicyActor implements Actor {
  readonly #parts: PolicyActorParts;
  readonly #rng: Rng;
  #stepper: PolicyStepper | undefined;

  constructor(parts: PolicyActorParts) {
    this.#parts = parts;
    this.#rng = new Rng(parts.seed, parts.device);
  }

  act(observations: readonly Observation[]): Action[] {
    const { model, input, output, normalized, deterministic } = this.#parts;
    this.#stepper ??= new PolicyStepper(model, observations.length);
    const stepper = this.#stepper;
    return noGrad(() =>
      scope(() => {
        const policy = stepper.policy(normalized(input.tensor(observations)));
        return output.actions(output.fromSample(deterministic ? policy.mode() : policy.sample(this.#rng)));
      }),
    );
  }

  reset(i: number): void {
    this.#stepper?.reset(i);
  }

  [Symbol.dispose](): void {}
}
