// What agents of continuous actions that learn from replay have in common: uniform actions until the first update, then the
// policy's with exploration. Networks, noise and exploration work in [−1, 1] (action-scale.ts); for boxes of ±1, which most
// tasks have, that is the action itself.
import { checkNumber, deriveSeed, RandomStream, UserError } from '../../base/index.ts';
import type { Module } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import { type Device, grad, noGrad, Rng, scope, type Tensor } from '../../torch/index.ts';
import type { Actor, ActorOptions } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import { ObservationInput } from '../observation-input.ts';
import { batchTensors, type ReplayBuffer, type TensorBatch } from '../replay/index.ts';
import { ActionScale } from './action-scale.ts';
import type { AgentParts } from './agent-state.ts';
import { ReplayAgent, type ReplayAgentOptions } from './replay-agent.ts';

export interface ContinuousAgentOptions extends ReplayAgentOptions<ReplayBuffer> {
  seed: number;
  /** The CPU when left out. */
  device?: Device | undefined;
  /** Discount (γ). */
  gamma: number;
  /** The share of the networks by which their targets follow them (τ). */
  softUpdate: number;
}

export abstract class ContinuousAgent extends ReplayAgent<ReplayBuffer> {
  readonly gamma: number;
  readonly softUpdate: number;
  protected readonly device: Device;
  protected readonly input: ObservationInput;
  protected readonly scale: ActionScale;
  /** Of weights, and of what is drawn in tensors. */
  protected readonly rng: Rng;
  /** Of the first, uniform actions. */
  readonly #uniform: RandomStream;

  constructor(options: ContinuousAgentOptions) {
    const owner = new.target.name;
    super(owner, options);
    this.gamma = checkNumber(owner, 'gamma', options.gamma, { min: 0, max: 1 });
    this.softUpdate = checkNumber(owner, 'softUpdate', options.softUpdate, { above: 0, max: 1 });
    this.input = new ObservationInput(options.observationSpace);
    this.device = options.device ?? 'cpu';
    this.scale = new ActionScale(owner, options.actionSpace, this.device);
    this.rng = new Rng(deriveSeed(options.seed, 'network'), this.device);
    this.#uniform = new RandomStream(deriveSeed(options.seed, 'first actions'));
  }

  /** Actions [B, A] in [−1, 1]: the likeliest, or drawn from `rng` by a policy that draws. */
  protected abstract actions(observations: Tensor, rng: Rng | undefined): Tensor;
  /** One update of whatever is due, of a sample. */
  protected abstract update(batch: TensorBatch): void;
  /** Networks, their targets and optimizers, by name. */
  protected abstract parts(): Pick<AgentParts, 'modules' | 'optimizers'>;

  protected override choose(observations: readonly Observation[]): Action[] {
    if (this.updates === 0) return observations.map(() => this.scale.toBox(this.scale.unit.sample(this.#uniform)));
    return this.#policyActions(observations, this.rng).map((action, i) =>
      this.scale.toBox(this.explorer.select(this.t, i, action) as Float32Array),
    );
  }

  #policyActions(observations: readonly Observation[], rng: Rng | undefined): Float32Array[] {
    const { size } = this.scale;
    const all = noGrad(() =>
      scope(() => this.actions(this.input.tensor(observations, this.device), rng).data() as Float32Array),
    );
    return observations.map((_, i) => all.subarray(i * size, (i + 1) * size));
  }

  protected override learn(): void {
    const batch = batchTensors(this.replay.sample(this.schedule.batchSize, this.gamma), this.input, this.device);
    this.update({ ...batch, action: this.scale.toUnit(batch.action) });
  }

  /** A step of an optimizer on the gradients of `loss` by `parameters` alone: other networks in the graph keep none. */
  protected step(optimizer: Optimizer, parameters: readonly Tensor[], loss: Tensor): void {
    const gradients = grad([loss], parameters);
    parameters.forEach((parameter, i) => {
      parameter.grad = gradients[i];
    });
    optimizer.step();
    optimizer.zeroGrad();
  }

  /** Notes the figures of an update of the critics. @throws UserError when they are not finite */
  protected note(loss: Tensor, q: Tensor): void {
    const [value, mean] = [loss.item(), q.mean().item()];
    if (!Number.isFinite(value) || !Number.isFinite(mean))
      throw new UserError(
        'not-finite',
        `update ${this.updates + 1}: the critics' loss is ${value}, their mean value ${mean}`,
        { remedy: 'Lower the learning rate, or scale the rewards down.' },
      );
    this.averageLoss.add(value);
    this.averageQ.add(mean);
  }

  protected override updateTargets(): void {}

  protected override saved(): AgentParts {
    return { ...this.parts(), streams: { network: this.rng, uniform: this.#uniform } };
  }

  get networks(): Readonly<Record<string, Module>> {
    return this.parts().modules;
  }

  actor({ deterministic = true, seed = 0 }: ActorOptions = {}): Actor {
    const rng = deterministic ? undefined : new Rng(deriveSeed(seed, 'actor'), this.device);
    return {
      act: (observations) => this.#policyActions(observations, rng).map((action) => this.scale.toBox(action)),
      reset: () => {},
      [Symbol.dispose]: () => {},
    };
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.scale[Symbol.dispose]();
  }
}
