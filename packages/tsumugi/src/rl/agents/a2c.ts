// Advantage actor-critic, the synchronous form of A3C (Mnih et al. 2016, arXiv 1602.01783; OpenAI's A2C), with ChainerRL's loss:
//
//   L = c_π · −mean(A log π(a)) + c_V · mean (R − V)² − c_H · mean H,     A = R − V as a constant
//
// R = r + γ R' from V of what follows the rollout, or with GAE A_GAE + V. Here V is of the same weights that acted, since every
// rollout is learned from once.
//
// ChainerRL counts a time limit as an end of the task (`timeouts: 'terminal'`): the value of what would follow is dropped, and states
// near the limit look worthless. By default it counts as what it is, a cut: R = r + γ V(s').
import { checkChoice, checkNumber } from '../../base/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { fromBytes, type Tensor } from '../../torch/index.ts';
import type { PolicyValues } from '../networks/index.ts';
import { discountedReturns, generalizedAdvantages } from './advantages.ts';
import type { AgentParts } from './agent-state.ts';
import type { PolicyAgentOptions } from './policy-agent.ts';
import type { ActorCriticModel } from './policy-stepper.ts';
import type { Rollout } from './rollout.ts';
import { RolloutAgent } from './rollout-agent.ts';
import { RunningAverage } from './running-average.ts';
import { takeStep } from './take-step.ts';

export interface A2CCoefficients {
  /** c_π */
  policyCoefficient: number;
  /** c_V */
  valueCoefficient: number;
  /** c_H */
  entropyCoefficient: number;
}

export interface A2COptions<M extends ActorCriticModel = ActorCriticModel>
  extends PolicyAgentOptions<M>,
    A2CCoefficients {
  optimizer: Optimizer;
  /** Steps of each environment between updates. */
  updateSteps: number;
  gamma: number;
  /** λ of GAE; null: discounted returns. */
  lambda: number | null;
  timeouts: 'bootstrap' | 'terminal';
  maxGradNorm: number | null;
}

export interface A2CLoss {
  loss: Tensor;
  policyLoss: Tensor;
  entropy: Tensor;
}

/** @param returns R [B] */
export function a2cLoss(
  { distribution, values }: PolicyValues,
  actions: Tensor,
  returns: Tensor,
  { policyCoefficient, valueCoefficient, entropyCoefficient }: A2CCoefficients,
): A2CLoss {
  const advantages = returns.sub(values);
  const policyLoss = advantages.detach().mul(distribution.logProbability(actions)).mean().neg();
  const valueLoss = advantages.square().mean();
  const entropy = distribution.entropy().mean();
  const loss = policyLoss.mul(policyCoefficient).add(valueLoss.mul(valueCoefficient));
  return { loss: loss.sub(entropy.mul(entropyCoefficient)), policyLoss, entropy };
}

export class A2C<M extends ActorCriticModel = ActorCriticModel> extends RolloutAgent<M> {
  readonly options: A2COptions<M>;
  readonly optimizer: Optimizer;
  readonly #actorLoss = new RunningAverage(0.999);
  readonly #entropy = new RunningAverage(0.999);
  readonly #value = new RunningAverage(0.999);

  constructor(options: A2COptions<M>) {
    super(options, checkNumber('A2C', 'updateSteps', options.updateSteps, { min: 1, whole: true }));
    checkChoice('A2C', 'timeouts', options.timeouts, ['bootstrap', 'terminal']);
    this.options = options;
    this.optimizer = options.optimizer;
  }

  protected override update(rollout: Rollout): void {
    const raw = rollout.observationTensor();
    const output = this.evaluate(this.normalized(raw));
    const returns = this.#returns(rollout, output.values.detach().contiguous().data() as Float32Array);
    const targets = this.onDevice(fromBytes(Float32Array.from(returns), 'float32', [rollout.rows]));
    const { loss, policyLoss, entropy } = a2cLoss(output, this.onDevice(rollout.actionTensor()), targets, this.options);
    takeStep(this.optimizer, loss, this.options.maxGradNorm);
    this.normalizer?.experience(this.onDevice(raw).to('float32'));
    this.#actorLoss.add(policyLoss.item());
    this.#entropy.add(entropy.item());
    this.#value.add(output.values.mean().item());
  }

  /** R of every row. */
  #returns(rollout: Rollout, values: Float32Array): Float64Array {
    const { gamma, lambda, timeouts } = this.options;
    const last = rollout.last();
    const rows = {
      rewards: rollout.rewards,
      values,
      nextValues: this.nextValues(values),
      terminal: timeouts === 'terminal' ? last : rollout.terminated,
      last,
      environments: rollout.environments,
    };
    if (lambda === null) return discountedReturns(rows, gamma);
    return generalizedAdvantages(rows, gamma, lambda).map((advantage, row) => advantage + values[row]!);
  }

  statistics(): Record<string, number> {
    return {
      average_actor: this.#actorLoss.value,
      average_value: this.#value.value,
      average_entropy: this.#entropy.value,
      updates: this.updates,
    };
  }

  protected override parts(): AgentParts {
    return { modules: {}, optimizers: { optimizer: this.optimizer }, streams: {} };
  }

  protected override figures(): State {
    return [this.#actorLoss.value, this.#entropy.value, this.#value.value];
  }

  protected override loadFigures(figures: State): void {
    [this.#actorLoss.value, this.#entropy.value, this.#value.value] = figures as [number, number, number];
  }
}
