// A2C: the loss and its gradient by hand, returns with ends and cuts, resume, and learning.
import { describe, expect, it } from 'vitest';
import { RMSprop } from '../../optim/index.ts';
import { scope, type Tensor, tensor } from '../../torch/index.ts';
import { Categorical } from '../distributions/index.ts';
import { A2C, type A2COptions, a2cLoss } from './a2c.ts';
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

const list = (x: Tensor) => x.tolist() as number[];

it('the loss is the formula, and so is its gradient', () => {
  scope(() => {
    const f64 = { dtype: 'float64' } as const;
    const [p, values, returns, actions] = [
      [0.3, 0.8],
      [0.5, -1],
      [1, 0.5],
      [0, 1],
    ];
    // With two actions of logits (x, 0): π(0) = σ(x).
    const x = tensor(
      p!.map((each) => Math.log(each / (1 - each))),
      f64,
    ).requiresGrad_();
    const v = tensor(values!, f64).requiresGrad_();
    const logits = x.unsqueeze(1).mul(tensor([1, 0], f64));
    const { loss } = a2cLoss(
      { distribution: new Categorical(logits), values: v },
      tensor(actions!, { dtype: 'int64' }),
      tensor(returns!, f64),
      { policyCoefficient: 0.9, valueCoefficient: 0.5, entropyCoefficient: 0.02 },
    );
    const [a, b] = [1 - 0.5, 0.5 + 1];
    const entropy = (q: number) => -q * Math.log(q) - (1 - q) * Math.log(1 - q);
    const right =
      (-0.9 * (a * Math.log(0.3) + b * Math.log(0.2)) +
        0.5 * (a ** 2 + b ** 2) -
        0.02 * (entropy(0.3) + entropy(0.8))) /
      2;
    expect(loss.item()).toBeCloseTo(right, 12);
    loss.backward();
    // d log σ(x) = 1 − σ, d log(1 − σ) = −σ, dH/dx = −σ(1 − σ) x; the advantage is a constant for the policy.
    const dEntropy = (q: number) => -q * (1 - q) * Math.log(q / (1 - q));
    expect(list(x.grad!)[0]).toBeCloseTo((-0.9 * a * 0.7 - 0.02 * dEntropy(0.3)) / 2, 10);
    expect(list(x.grad!)[1]).toBeCloseTo((0.9 * b * 0.8 - 0.02 * dEntropy(0.8)) / 2, 10);
    expect(list(v.grad!)[0]).toBeCloseTo(-0.5 * a, 10);
    expect(list(v.grad!)[1]).toBeCloseTo(-0.5 * b, 10);
  });
});

type Changes = Partial<A2COptions> & { lr?: number };
type Spaces = Pick<A2COptions, 'observationSpace' | 'actionSpace'>;
function make({ lr = 1e-2, ...changes }: Changes = {}, spaces: Spaces = smallSpaces.discrete): A2C {
  const model = smallModel(spaces);
  return new A2C({
    ...spaces,
    seed: 3,
    model,
    optimizer: new RMSprop(model.parameters(), { lr, eps: 0.1, epsPlacement: 'inside' }),
    updateSteps: 5,
    gamma: 0.9,
    lambda: null,
    timeouts: 'bootstrap',
    policyCoefficient: 1,
    valueCoefficient: 0.5,
    entropyCoefficient: 0.01,
    maxGradNorm: null,
    ...changes,
  });
}

const weights = (agent: A2C) => agent.model.parameters().flatMap((each) => [...(each.data() as Float32Array)]);

describe('update', () => {
  const trained = (changes: Changes = {}) =>
    scope(() => {
      using agent = make({ environments: 2, ...changes });
      const outcomes = happenings(2, 11);
      live(agent, outcomes, outcomes.next().value!, 10);
      return weights(agent);
    });

  it.each<[string, Changes]>([
    ['updateSteps', { updateSteps: 4 }],
    ['gamma', { gamma: 0.5 }],
    ['lambda', { lambda: 0.5 }],
    ['timeouts', { timeouts: 'terminal' }],
    ['policyCoefficient', { policyCoefficient: 0.5 }],
    ['valueCoefficient', { valueCoefficient: 0.1 }],
    ['entropyCoefficient', { entropyCoefficient: 0.5 }],
    ['maxGradNorm', { maxGradNorm: 0.01 }],
  ])('depends on %s', (_, changes) => {
    expect(trained(changes)).not.toEqual(trained());
  });

  it('GAE with λ = 1 is the discounted return', () => {
    trained({ lambda: 1 }).forEach((weight, i) => {
      expect(weight).toBeCloseTo(trained()[i]!, 5);
    });
  });

  it("a time limit is a cut: with γ V(s') after it; as the original has it, an end", () => {
    scope(() => {
      const run = (timeouts: 'bootstrap' | 'terminal', terminated: boolean) => {
        using agent = make({ timeouts });
        for (let step = 0; step < 5; step++) {
          agent.act([Float32Array.of(1, 2, 3)]);
          const ends = step === 2;
          const next = Float32Array.of(3, 2, 1);
          agent.observe([{ reward: 1, next, terminated: ends && terminated, truncated: ends && !terminated }]);
        }
        return weights(agent);
      };
      expect(run('terminal', false)).toEqual(run('terminal', true));
      expect(run('bootstrap', true)).toEqual(run('terminal', true));
      expect(run('bootstrap', false)).not.toEqual(run('terminal', false));
    });
  });
});

it.each(['discrete', 'continuous'] as const)('goes on bit for bit after a resume (%s)', (kind) => {
  expectSameAfterResume(() => make({ environments: 2, lambda: 0.9 }, smallSpaces[kind]), 2, 8, 20);
});

it.each([{ discrete: true }, { discrete: false }])('learns ABC: %o', (options) => {
  scope(() => {
    using agent = make({ environments: 4, lr: 2e-2, gamma: 0.99 }, abcSpaces(options));
    expect(stepsToLearn(agent, () => abc(options), { environments: 4 })).toBeLessThan(Infinity);
  });
});
