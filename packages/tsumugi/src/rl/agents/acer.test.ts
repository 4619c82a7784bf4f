// ACER: retrace, corrections and the trust region against plain numbers, settings that change something, and learning.
import { describe, expect, it } from 'vitest';
import { checkSettings } from '../../base/index.ts';
import { Rng, randn, scope, tensor } from '../../torch/index.ts';
import { Categorical, Gaussian } from '../distributions/index.ts';
import type { ACER } from './acer.ts';
import { acer } from './acer-config.ts';
import { fullCorrection, retrace, sampledCorrection, withinTrustRegion } from './acer-loss.ts';
import { abc, abcSpaces, happenings, live, smallSpaces, stepsToLearn } from './policy-agents.testing.ts';

const f64 = { dtype: 'float64' } as const;
const softmax = (xs: readonly number[]) => {
  const sum = xs.reduce((total, x) => total + Math.exp(x), 0);
  return xs.map((x) => Math.exp(x) / sum);
};

describe('retrace', () => {
  const rows = {
    rewards: [1, 2, 3],
    q: [0.5, 1, -1],
    v: [0.2, 0.4, 0.6],
    ratios: [2, 0.5, 0.25],
    after: 4,
    gamma: 0.5,
  };

  it('is the recursion for discrete actions', () => {
    const { ret, opc } = retrace({ ...rows, dimensions: undefined });
    // t = 2: 3 + 0.5·4 = 5; then 0.25 (5 + 1) + 0.6 = 2.1; t = 1: 2 + 1.05 = 3.05; then 0.5 (3.05 − 1) + 0.4 = 1.425.
    [1 + 0.5 * 1.425, 3.05, 5].forEach((value, t) => void expect(ret[t]).toBeCloseTo(value, 12));
    // Q_opc: 5; 5 + 1 + 0.6 = 6.6; 2 + 3.3 = 5.3; 5.3 − 1 + 0.4 = 4.7; 1 + 2.35.
    [3.35, 5.3, 5].forEach((value, t) => void expect(opc[t]).toBeCloseTo(value, 12));
  });

  it('takes the root of the ratio by the number of dimensions for continuous ones', () => {
    const { ret } = retrace({ ...rows, dimensions: 2 });
    expect(ret[1]).toBeCloseTo(2 + 0.5 * (0.5 * (5 + 1) + 0.6), 12);
  });
});

describe('correction for what was truncated', () => {
  it('is a sum over all discrete actions', () => {
    scope(() => {
      const [logits, acted, q, v] = [[2, 0, -1], [-3, 0.5, 1], [1, -2, 0.3], 0.4] as const;
      const x = tensor([[...logits]], f64).requiresGrad_();
      const loss = fullCorrection(
        new Categorical(x),
        new Categorical(tensor([[...acted]], f64)),
        tensor([[...q]], f64),
        tensor([[v]], f64),
        2,
      );
      const [pi, mu] = [softmax(logits), softmax(acted)];
      const weights = pi.map((p, b) => Math.max(0, 1 - (2 * mu[b]!) / p) * p * (q[b]! - v));
      expect(loss.item()).toBeCloseTo(-weights.reduce((sum, w, b) => sum + w * Math.log(pi[b]!), 0), 10);
      loss.sum().backward();
      // d log π(b) / dx_c = [b = c] − π(c), with constant weights.
      const total = weights.reduce((sum, w) => sum + w, 0);
      const [gradient] = x.grad!.tolist() as number[][];
      gradient!.forEach((value, c) => void expect(value).toBeCloseTo(-(weights[c]! - total * pi[c]!), 10));
    });
  });

  it('is of one drawn action for continuous ones, and nothing where the ratio is below the threshold', () => {
    scope(() => {
      const make = (mean: number) => new Gaussian(tensor([[mean]], f64), tensor([[1]], f64));
      const [policy, acted, drawn] = [make(0), make(2), tensor([[-0.5]], f64)];
      const density = (mean: number) => Math.exp(-((-0.5 - mean) ** 2) / 2) / Math.sqrt(2 * Math.PI);
      const ratio = density(0) / density(2);
      const at = (threshold: number) =>
        sampledCorrection(policy, acted, drawn, tensor([1.5], f64), tensor([0.5], f64), threshold).item();
      expect(at(2)).toBeCloseTo(-(1 - 2 / ratio) * Math.log(density(0)), 10);
      expect(at(ratio + 1)).toBeCloseTo(0, 12);
    });
  });
});

describe('trust region', () => {
  it('leaves of the gradient what does not lead away too fast', () => {
    scope(() => {
      const rng = new Rng(2);
      const [x, y] = [randn([2, 3], rng, f64).requiresGrad_(), randn([2, 3], rng, f64)];
      const policy = new Categorical(x);
      const g = [
        [1, -2, 0.5],
        [-1, 0.2, 3],
      ];
      const losses = x.mul(tensor(g, f64)).sum(-1);
      const delta = 0.05;
      withinTrustRegion(policy, new Categorical(y), losses, delta).sum().backward();
      const right = g.map((row, i) => {
        const [p, averaged] = [softmax((x.tolist() as number[][])[i]!), softmax((y.tolist() as number[][])[i]!)];
        // dKL(averaged ‖ p)/dx = p − averaged; k is less that.
        const k = p.map((value, a) => averaged[a]! - value);
        const dot = (a: number[], b: number[]) => a.reduce((sum, value, j) => sum + value * b[j]!, 0);
        const factor = Math.max(0, (dot(k, row) - delta) / dot(k, k));
        return row.map((value, a) => value - factor * k[a]!);
      });
      (x.grad!.tolist() as number[][])
        .flat()
        .forEach((value, i) => void expect(value).toBeCloseTo(right.flat()[i]!, 9));
      expect(right).not.toEqual(g);
    });
  });

  it('is no bound where the policy is the averaged one', () => {
    scope(() => {
      const x = tensor([[1, 2]], f64).requiresGrad_();
      const same = new Categorical(x.detach());
      withinTrustRegion(new Categorical(x), same, x.mul(tensor([[3, 4]], f64)).sum(-1), 0)
        .sum()
        .backward();
      expect(x.grad!.tolist()).toEqual([[3, 4]]);
    });
  });
});

type Spaces = { observationSpace: (typeof smallSpaces)['discrete']['observationSpace']; actionSpace: never };
function make(changes: object = {}, spaces: object = smallSpaces.discrete): ACER {
  const settings = {
    hidden: [8],
    maxSteps: 4,
    replayStart: 8,
    replayUpdates: 2,
    optimizer: 'adam',
    learningRate: 1e-2,
    ...changes,
  };
  const place = { ...(spaces as Spaces), numEnvironments: 1, steps: 1000, seed: 3, device: 'cpu' as const };
  return acer.make(place, checkSettings('acer', acer.config, settings)) as ACER;
}
const weights = (agent: ACER) => agent.model.parameters().flatMap((each) => [...(each.data() as Float32Array)]);
const trained = (changes: object, kind: 'discrete' | 'continuous' = 'discrete') =>
  scope(() => {
    using agent = make(changes, smallSpaces[kind]);
    const outcomes = happenings(1, 11);
    live(agent, outcomes, outcomes.next().value!, 30);
    return weights(agent);
  });

describe('update', () => {
  it.each<[string, object]>([
    ['maxSteps', { maxSteps: 3 }],
    ['gamma', { gamma: 0.5 }],
    ['truncation', { truncation: 0.5 }],
    ['trustRegion', { trustRegion: 1e-4 }],
    ['averageDecay', { averageDecay: 0.5, trustRegion: 1e-4 }],
    ['useOpc', { useOpc: true }],
    ['policyCoefficient', { policyCoefficient: 0.1 }],
    ['qCoefficient', { qCoefficient: 0.1 }],
    ['entropyCoefficient', { entropyCoefficient: 0.5 }],
    ['normalizeBySteps', { normalizeBySteps: false, optimizer: 'rmsprop' }],
    ['onlineUpdate', { onlineUpdate: false }],
    ['replayUpdates', { replayUpdates: 1 }],
    ['replayStart', { replayStart: 20 }],
    ['capacity', { capacity: 8 }],
  ])('depends on %s', (name, changes) => {
    const base = { averageDecay: { trustRegion: 1e-4 }, normalizeBySteps: { optimizer: 'rmsprop' } }[name] ?? {};
    expect(trained(changes)).not.toEqual(trained(base));
  });

  it('continuous: the number of actions drawn for the mean advantage matters', () => {
    expect(trained({ duelingSamples: 2 }, 'continuous')).not.toEqual(trained({}, 'continuous'));
  });

  it('the averaged policy follows', () => {
    scope(() => {
      using agent = make({ averageDecay: 0, onlineUpdate: true, replayUpdates: 0 });
      const outcomes = happenings(1, 11);
      live(agent, outcomes, outcomes.next().value!, 12);
      const average = agent.average.network.parameters().flatMap((each) => [...(each.data() as Float32Array)]);
      expect(average).toEqual(weights(agent));
    });
  });
});

it.each([{ discrete: true }, { discrete: false }])('learns ABC: %o', (options) => {
  scope(() => {
    using agent = make({ maxSteps: 5, replayStart: 50, replayUpdates: 1, learningRate: 3e-2 }, abcSpaces(options));
    expect(stepsToLearn(agent, () => abc(options))).toBeLessThan(Infinity);
  });
});
