// TRPO: conjugate gradients and the Fisher matrix against plain numbers, what a step keeps to, and learning.
import { describe, expect, it } from 'vitest';
import { Adam } from '../../optim/index.ts';
import { Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { Categorical, detached } from '../distributions/index.ts';
import { conjugateGradient } from './conjugate-gradient.ts';
import {
  abc,
  abcSpaces,
  expectSameAfterResume,
  happenings,
  live,
  smallModel,
  smallSpaces,
  stepsToLearn,
} from './policy-agents.testing.ts';
import { fisherProduct, TRPO, type TRPOOptions } from './trpo.ts';

const f64 = { dtype: 'float64' } as const;
const list = (x: Tensor) => x.tolist() as number[];

describe('conjugate gradients', () => {
  it('solve a system in as many steps as it has unknowns', () => {
    scope(() => {
      const root = randn([5, 5], new Rng(0), f64);
      const matrix = root.matmul(root.t()).add(tensor([1, 1, 1, 1, 1], f64).mul(0.5));
      const symmetric = matrix.add(matrix.t()).mul(0.5);
      const right = randn([5], new Rng(1), f64);
      const x = conjugateGradient((v) => symmetric.mv(right.mul(0).add(v)), symmetric.mv(right), 8);
      list(x).forEach((value, i) => void expect(value).toBeCloseTo(list(right)[i]!, 6));
      expect(
        conjugateGradient((v) => v, right.mul(0), 3)
          .abs()
          .max()
          .item(),
      ).toBe(0);
    });
  });

  it('take no more steps than they may, and none once the system is solved', () => {
    scope(() => {
      const diagonal = tensor([1, 4], f64);
      // One step is one down the steepest way: (bᵀb / bᵀAb) b.
      const one = list(conjugateGradient((v) => v.mul(diagonal), tensor([1, 1], f64), 1));
      one.forEach((value) => void expect(value).toBeCloseTo(2 / 5, 12));
      expect(list(conjugateGradient((v) => v.mul(2), tensor([1, 3], f64), 10))).toEqual([0.5, 1.5]);
    });
  });
});

describe('Fisher matrix', () => {
  it('of a softmax is diag(π) − π πᵀ, the mean over the rows, with the damping', () => {
    scope(() => {
      const logits = tensor([0.3, -0.2, 1], f64).requiresGrad_();
      const rows = new Categorical(logits.expand(4, 3));
      const product = fisherProduct(detached(rows), rows, [logits], 0.1);
      const weights = [0.3, -0.2, 1].map(Math.exp);
      const p = weights.map((w) => w / weights.reduce((a, b) => a + b));
      const v = [1, -2, 0.5];
      const mean = p.reduce((sum, x, i) => sum + x * v[i]!, 0);
      list(product(tensor(v, f64))).forEach((value, i) => {
        expect(value).toBeCloseTo(p[i]! * (v[i]! - mean) + 0.1 * v[i]!, 10);
      });
    });
  });
});

type Changes = Partial<TRPOOptions> & { lr?: number };
type Spaces = Pick<TRPOOptions, 'observationSpace' | 'actionSpace'>;
function make({ lr = 1e-2, ...changes }: Changes = {}, spaces: Spaces = smallSpaces.discrete): TRPO {
  const model = changes.model ?? smallModel(spaces, { separate: true });
  return new TRPO({
    ...spaces,
    seed: 3,
    model,
    valueOptimizer: new Adam(model.parts.value, { lr }),
    gamma: 0.9,
    lambda: 0.95,
    updateInterval: 32,
    maxKl: 0.01,
    entropyCoefficient: 0.01,
    standardizeAdvantages: true,
    valueEpochs: 2,
    valueBatchSize: 8,
    conjugateGradientIterations: 10,
    damping: 1e-2,
    maxBacktracks: 10,
    maxSequenceLength: null,
    ...changes,
  });
}

function trained(
  changes: Changes = {},
  rounds = 32,
): { weights: number[]; statistics: Readonly<Record<string, number>> } {
  return scope(() => {
    using agent = make({ environments: 2, ...changes });
    const outcomes = happenings(2, 11);
    live(agent, outcomes, outcomes.next().value!, rounds);
    const weights = agent.model.parameters().flatMap((each) => [...(each.data() as Float32Array)]);
    return { weights, statistics: agent.statistics() };
  });
}

describe('update', () => {
  it('moves the policy, by no more than it may', () => {
    for (const maxKl of [0.01, 0.001]) {
      const { average_kl, average_policy_step_size } = trained({ maxKl }, 16).statistics;
      expect(average_kl!).toBeLessThanOrEqual(maxKl);
      expect(average_kl!).toBeGreaterThan(maxKl / 20);
      expect(average_policy_step_size!).toBeGreaterThan(0);
    }
  });

  it('steps nearly as far as it may where the step is short: the damping takes a little', () => {
    const { average_kl, average_policy_step_size } = trained({ maxKl: 1e-5, entropyCoefficient: 0 }, 16).statistics;
    expect(average_policy_step_size).toBe(1);
    expect(average_kl! / 1e-5).toBeGreaterThan(0.7);
    expect(average_kl! / 1e-5).toBeLessThan(1);
  });

  it('tries the whole step, and as many halvings as it may', () => {
    // With much damping the step is short enough.
    const { average_policy_step_size } = trained({ maxBacktracks: 0, damping: 10 }, 16).statistics;
    expect(average_policy_step_size).toBe(1);
  });

  // A step so long that nothing is left of the entropy, which counts most.
  it('takes no step where none is good: the policy stays bit for bit, the value function learns', () => {
    scope(() => {
      using agent = make({ maxBacktracks: 0, maxKl: 1e8, entropyCoefficient: 10 });
      const before = agent.model.parts.policy.map(list);
      const outcomes = happenings(1, 11);
      const value = agent.model.parts.value.map(list);
      live(agent, outcomes, outcomes.next().value!, 32);
      expect(agent.updates).toBe(1);
      expect(agent.statistics()['average_policy_step_size']).toBe(0);
      expect(agent.model.parts.policy.map(list)).toEqual(before);
      expect(agent.model.parts.value.map(list)).not.toEqual(value);
    });
  });

  it.each<[string, Changes]>([
    ['gamma', { gamma: 0.5 }],
    ['lambda', { lambda: 0.1 }],
    ['maxKl', { maxKl: 0.02 }],
    ['entropyCoefficient', { entropyCoefficient: 0.5 }],
    ['standardizeAdvantages', { standardizeAdvantages: false, entropyCoefficient: 0.3 }],
    ['valueEpochs', { valueEpochs: 3 }],
    ['valueBatchSize', { valueBatchSize: 16 }],
    ['conjugateGradientIterations', { conjugateGradientIterations: 1 }],
    ['damping', { damping: 1 }],
  ])('depends on %s', (_, changes) => {
    expect(trained(changes).weights).not.toEqual(trained().weights);
  });

  it('refuses a model whose policy and value function share a body', () => {
    scope(() => {
      const model = smallModel(smallSpaces.discrete);
      const valueOptimizer = new Adam(model.parts.value, { lr: 1e-3 });
      expect(() => make({ model, valueOptimizer })).toThrow(/needs a body of its own/);
      model.dispose();
    });
  });
});

it.each(['discrete', 'continuous'] as const)('goes on bit for bit after a resume (%s)', (kind) => {
  expectSameAfterResume(() => make({ environments: 2 }, smallSpaces[kind]), 2, 20, 20);
});

it.each([{ discrete: true }, { discrete: false }])('learns ABC: %o', (options) => {
  scope(() => {
    using agent = make({ updateInterval: 100, maxKl: 0.05 }, abcSpaces(options));
    expect(stepsToLearn(agent, () => abc(options))).toBeLessThan(Infinity);
  });
});
