// REINFORCE (Williams 1992): whole episodes, and no value function.
//
//   L = 1/B Σ_episodes Σ_t (−R_t log π(a_t) − β H_t),     R_t = r_t + r_{t+1} + … to the end, without discount
//
// An episode that a time limit cuts off has no return: it is dropped, as in ChainerRL (`timeouts: 'drop'`). Where the limit is part of
// the task – Gym's own limits came to ChainerRL as ends –, `timeouts: 'terminal'` takes what was collected for the return.
import { checkChoice, checkNumber } from '../../base/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { backward, fromBytes, scope, type Tensor } from '../../torch/index.ts';
import type { Distribution } from '../distributions/index.ts';
import type { AgentParts } from './agent-state.ts';
import type { PolicyAgentOptions } from './policy-agent.ts';
import type { PolicyOnly } from './policy-stepper.ts';
import { RunningAverage } from './running-average.ts';
import type { Segment } from './segment.ts';
import { SegmentAgent } from './segment-agent.ts';
import { requireFinite, stepWithGradients } from './take-step.ts';

export interface REINFORCEOptions<M extends PolicyOnly = PolicyOnly> extends PolicyAgentOptions<M> {
  optimizer: Optimizer;
  /** Episodes of an update (B). */
  batchSize: number;
  /** Weight of the entropy (β). */
  entropyCoefficient: number;
  timeouts: 'drop' | 'terminal';
  maxGradNorm: number | null;
}

/** R_t of an episode. */
export function rewardsToGo(rewards: readonly number[]): Float32Array {
  const returns = new Float32Array(rewards.length);
  let sum = 0;
  for (let t = rewards.length - 1; t >= 0; t--) {
    sum += rewards[t]!;
    returns[t] = sum;
  }
  return returns;
}

/** Of one episode, before it is divided by the number of episodes. @param returns R [L] */
export function reinforceLoss(distribution: Distribution, actions: Tensor, returns: Tensor, beta: number): Tensor {
  const score = returns.mul(distribution.logProbability(actions)).sum();
  return score.add(distribution.entropy().sum().mul(beta)).neg();
}

export class REINFORCE<M extends PolicyOnly = PolicyOnly> extends SegmentAgent<M> {
  readonly options: REINFORCEOptions<M>;
  readonly optimizer: Optimizer;
  /** Finished episodes that wait for the rest of their batch. */
  #finished: Segment[] = [];
  readonly #entropy = new RunningAverage(0.999);

  constructor(options: REINFORCEOptions<M>) {
    super(options);
    checkNumber('REINFORCE', 'batchSize', options.batchSize, { min: 1, whole: true });
    checkNumber('REINFORCE', 'entropyCoefficient', options.entropyCoefficient, { min: 0 });
    checkChoice('REINFORCE', 'timeouts', options.timeouts, ['drop', 'terminal']);
    this.options = options;
    this.optimizer = options.optimizer;
  }

  protected override advanced(segment: Segment): boolean {
    if (!segment.hasEnded) return false;
    if (segment.truncated && this.options.timeouts === 'drop') return true;
    this.#finished.push(segment);
    if (this.#finished.length === this.options.batchSize) {
      this.#update(this.#finished);
      this.#finished = [];
    }
    return true;
  }

  /** Episode by episode: the gradients add up, and one graph at a time is in memory. */
  #update(episodes: readonly Segment[]): void {
    const { optimizer, options } = this;
    optimizer.zeroGrad();
    for (const episode of episodes)
      scope(() => {
        const raw = this.onDevice(episode.observationTensor());
        const distribution = this.model.policyOf(this.normalized(raw));
        const returns = this.onDevice(fromBytes(rewardsToGo(episode.rewards), 'float32', [episode.length]));
        const actions = this.onDevice(episode.actionTensor());
        const loss = reinforceLoss(distribution, actions, returns, options.entropyCoefficient);
        backward(requireFinite(loss.div(options.batchSize)));
        this.#entropy.add(distribution.entropy().mean().item());
      });
    stepWithGradients(optimizer, options.maxGradNorm);
    for (const episode of episodes)
      scope(() => this.normalizer?.experience(this.onDevice(episode.observationTensor()).to('float32')));
    this.updates++;
  }

  statistics(): Record<string, number> {
    return { average_entropy: this.#entropy.value, updates: this.updates };
  }

  protected override parts(): AgentParts {
    return { modules: {}, optimizers: { optimizer: this.optimizer }, streams: {} };
  }

  protected override further() {
    return { segments: { finished: this.#finished }, figures: [this.#entropy.value] };
  }

  protected override loadFurther(segments: (name: string) => Segment[], figures: State): void {
    this.#finished = segments('finished');
    [this.#entropy.value] = figures as [number];
  }
}
