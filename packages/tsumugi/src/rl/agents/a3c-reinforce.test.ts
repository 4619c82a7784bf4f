// A3C and REINFORCE: losses and gradients by hand, when they learn from what, and learning.
import { describe, expect, it } from 'vitest';
import { Adam, SGD } from '../../optim/index.ts';
import { scope, type Tensor, tensor } from '../../torch/index.ts';
import { Categorical } from '../distributions/index.ts';
import type { ActorCritic } from '../networks/index.ts';
import { A3C, type A3COptions, a3cLoss, segmentReturns } from './a3c.ts';
import { abc, abcSpaces, happenings, live, smallModel, smallSpaces, stepsToLearn } from './policy-agents.testing.ts';
import { REINFORCE, type REINFORCEOptions, reinforceLoss, rewardsToGo } from './reinforce.ts';

const f64 = { dtype: 'float64' } as const;
const list = (x: Tensor) => x.tolist() as number[];
const entropy = (q: number) => -q * Math.log(q) - (1 - q) * Math.log(1 - q);
const dEntropy = (q: number) => -q * (1 - q) * Math.log(q / (1 - q));
/** Two actions of logits (x, 0) with π(0) = p. */
function policyOf(p: readonly number[]): { x: Tensor; distribution: Categorical } {
  const x = tensor(
    p.map((each) => Math.log(each / (1 - each))),
    f64,
  ).requiresGrad_();
  return { x, distribution: new Categorical(x.unsqueeze(1).mul(tensor([1, 0], f64))) };
}
const actions = () => tensor([0, 1], { dtype: 'int64' });

type Spaces = Pick<A3COptions, 'observationSpace' | 'actionSpace'>;

describe('A3C', () => {
  it('returns come backwards from the value after, less the average reward where it is kept', () => {
    expect([...segmentReturns([1, 2, 3], [0, 0, 0], 10, 0.5, { reward: 0, tau: null })]).toEqual([4, 6, 8]);
    const average = { reward: 1, tau: 0.1 };
    // Backwards: 0.5·10 + 2 − 1 = 6, A = 6 − 1; then 0.5·6 + 1 − 1.5 = 2.5, A = 2.5 − 0.5.
    expect([...segmentReturns([1, 2], [0.5, 1], 10, 0.5, average)]).toEqual([2.5, 6]);
    expect(average.reward).toBeCloseTo(1.5 + 0.2, 12);
  });

  it('the loss is the formula, and so is its gradient', () => {
    scope(() => {
      const { x, distribution } = policyOf([0.3, 0.8]);
      const values = tensor([0.5, -1], f64).requiresGrad_();
      const settings = { policyCoefficient: 0.9, valueCoefficient: 0.4, entropyCoefficient: 0.02 };
      const loss = a3cLoss({ distribution, values }, actions(), tensor([1, 0.5], f64), settings, 3);
      const [a, b] = [0.5, 1.5];
      const policy = -(a * Math.log(0.3) + b * Math.log(0.2)) - 0.02 * (entropy(0.3) + entropy(0.8));
      expect(loss.item()).toBeCloseTo(3 * (0.9 * policy + (0.4 * (a ** 2 + b ** 2)) / 2), 10);
      loss.backward();
      expect(list(x.grad!)[0]).toBeCloseTo(2.7 * (-a * 0.7 - 0.02 * dEntropy(0.3)), 9);
      expect(list(x.grad!)[1]).toBeCloseTo(2.7 * (b * 0.8 - 0.02 * dEntropy(0.8)), 9);
      expect(list(values.grad!)[0]).toBeCloseTo(-1.2 * a, 9);
    });
  });

  type Changes = Partial<A3COptions> & { lr?: number };
  function make({ lr = 1e-2, ...changes }: Changes = {}, spaces: Spaces = smallSpaces.discrete): A3C {
    const model = smallModel(spaces);
    return new A3C({
      ...spaces,
      seed: 3,
      model,
      optimizer: new Adam(model.parameters(), { lr }),
      maxSteps: 3,
      gamma: 0.9,
      policyCoefficient: 1,
      valueCoefficient: 0.5,
      entropyCoefficient: 0.01,
      scale: 'sum',
      averageRewardTau: null,
      maxGradNorm: null,
      ...changes,
    });
  }
  const weights = (agent: A3C) => agent.model.parameters().flatMap((each) => [...(each.data() as Float32Array)]);
  const trained = (changes: Changes = {}) =>
    scope(() => {
      using agent = make(changes);
      const outcomes = happenings(1, 11);
      live(agent, outcomes, outcomes.next().value!, 20);
      return weights(agent);
    });

  it.each<[string, Changes]>([
    ['maxSteps', { maxSteps: 2 }],
    ['gamma', { gamma: 0.5 }],
    ['scale segment', { scale: 'segment' }],
    ['scale mean', { scale: 'mean' }],
    ['averageRewardTau', { averageRewardTau: 0.1 }],
    ['policyCoefficient', { policyCoefficient: 0.2 }],
    ['valueCoefficient', { valueCoefficient: 0.2 }],
    ['entropyCoefficient', { entropyCoefficient: 0.3 }],
    ['maxGradNorm', { maxGradNorm: 0.01 }],
    ['learningRateDecay', { learningRateDecay: 30 }],
  ])('depends on %s', (_, changes) => {
    expect(trained(changes)).not.toEqual(trained());
  });

  it('brings the learning rate down in a line to 0 at the last step', () => {
    scope(() => {
      using agent = make({ lr: 1, maxSteps: 5, learningRateDecay: 21 });
      const outcomes = happenings(1, 11);
      live(agent, outcomes, outcomes.next().value!, 40);
      expect(agent.optimizer.lr).toBe(0);
      agent.steps = 10;
      agent.act([Float32Array.of(1, 2, 3)]);
      agent.observe([{ reward: 1, next: Float32Array.of(3, 2, 1), terminated: true, truncated: false }]);
      expect(agent.optimizer.lr).toBeCloseTo(1 - 9 / 20, 12);
    });
  });

  it('learns after t_max steps and at the end of an episode, where V counts only after a time limit', () => {
    scope(() => {
      const run = (terminated: boolean) => {
        using agent = make();
        const updates: number[] = [];
        for (let step = 0; step < 5; step++) {
          agent.act([Float32Array.of(1, 2, 3)]);
          const ends = step === 4;
          const next = Float32Array.of(3, 2, 1);
          agent.observe([{ reward: 1, next, terminated: ends && terminated, truncated: ends && !terminated }]);
          updates.push(agent.updates);
        }
        expect(updates).toEqual([0, 0, 1, 1, 2]);
        return weights(agent);
      };
      expect(run(true)).not.toEqual(run(false));
    });
  });

  it.each([{ discrete: true }, { discrete: false }])('learns ABC: %o', (options) => {
    scope(() => {
      using agent = make({ maxSteps: 5, gamma: 0.99 }, abcSpaces(options));
      expect(stepsToLearn(agent, () => abc(options))).toBeLessThan(Infinity);
    });
  });
});

describe('REINFORCE', () => {
  it('the loss is the formula with undiscounted rewards to go, and so is its gradient', () => {
    expect([...rewardsToGo([1, 2, 4])]).toEqual([7, 6, 4]);
    scope(() => {
      const { x, distribution } = policyOf([0.3, 0.8]);
      const loss = reinforceLoss(distribution, actions(), tensor([3, -2], f64), 0.1);
      expect(loss.item()).toBeCloseTo(-3 * Math.log(0.3) + 2 * Math.log(0.2) - 0.1 * (entropy(0.3) + entropy(0.8)), 10);
      loss.backward();
      expect(list(x.grad!)[0]).toBeCloseTo(-3 * 0.7 - 0.1 * dEntropy(0.3), 9);
      expect(list(x.grad!)[1]).toBeCloseTo(-2 * 0.8 - 0.1 * dEntropy(0.8), 9);
    });
  });

  type Changes = Partial<REINFORCEOptions>;
  function make(changes: Changes = {}, spaces: Spaces = smallSpaces.discrete, lr = 1e-2): REINFORCE<ActorCritic> {
    const model = (changes.model as ActorCritic | undefined) ?? smallModel(spaces);
    return new REINFORCE({
      ...spaces,
      seed: 3,
      optimizer: new Adam(model.parameters(), { lr }),
      batchSize: 2,
      entropyCoefficient: 1e-2,
      timeouts: 'drop',
      maxGradNorm: null,
      ...changes,
      model,
    });
  }
  /** An episode of some steps. */
  function episode(agent: REINFORCE<ActorCritic>, steps: number, end: 'terminated' | 'truncated'): void {
    for (let step = 0; step < steps; step++) {
      agent.act([Float32Array.of(step, 0, 1)]);
      const isLast = step === steps - 1;
      const ends = { terminated: isLast && end === 'terminated', truncated: isLast && end === 'truncated' };
      agent.observe([{ reward: 1, next: Float32Array.of(0, 0, 0), ...ends }]);
    }
  }

  it('learns from so many episodes, and drops those that were cut off unless it is told to keep them', () => {
    scope(() => {
      using agent = make();
      episode(agent, 3, 'terminated');
      episode(agent, 2, 'truncated');
      expect(agent.updates).toBe(0);
      episode(agent, 3, 'terminated');
      expect(agent.updates).toBe(1);
      using keeps = make({ timeouts: 'terminal' });
      episode(keeps, 3, 'terminated');
      episode(keeps, 2, 'truncated');
      expect(keeps.updates).toBe(1);
    });
  });

  it('takes the mean over the episodes of a batch', () => {
    scope(() => {
      const model = smallModel(smallSpaces.discrete);
      using agent = make({ model, optimizer: new SGD(model.parameters(), { lr: 1 }) });
      using before = smallModel(smallSpaces.discrete);
      const observations = [0, 1, 2].map((t) => [t, 0, 1]);
      const taken: number[][] = [];
      for (let episode = 0; episode < 2; episode++) {
        taken.push([]);
        observations.forEach((observation, t) => {
          taken[episode]!.push((agent.act([Float32Array.from(observation)])[0] as number) - 5);
          agent.observe([
            { reward: t + episode, next: Float32Array.of(0, 0, 0), terminated: t === 2, truncated: false },
          ]);
        });
      }
      const losses = taken.map((actions, episode) =>
        reinforceLoss(
          before.policyOf(tensor(observations)),
          tensor(actions, { dtype: 'int64' }),
          tensor([...rewardsToGo([0, 1, 2].map((t) => t + episode))]),
          1e-2,
        ),
      );
      losses[0]!.add(losses[1]!).div(2).backward();
      before.policy.parameters().forEach((each, i) => {
        const moved = each.sub(each.grad!).flatten().tolist() as number[];
        const found = agent.model.policy.parameters()[i]!.flatten().tolist() as number[];
        moved.forEach((value, j) => void expect(found[j]).toBeCloseTo(value, 5));
      });
    });
  });

  it.each([{ discrete: true }, { discrete: false }])('learns ABC: %o', (options) => {
    scope(() => {
      using agent = make({ batchSize: 4 }, abcSpaces(options), 3e-2);
      expect(stepsToLearn(agent, () => abc(options))).toBeLessThan(Infinity);
    });
  });
});
