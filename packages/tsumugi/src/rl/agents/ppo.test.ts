// PPO: the loss and its gradient by hand, the order of an update, time limits, resume, and learning.
import { describe, expect, it } from 'vitest';
import { Adam } from '../../optim/index.ts';
import { scope, type Tensor, tensor } from '../../torch/index.ts';
import { Categorical } from '../distributions/index.ts';
import { EmpiricalNormalization } from '../networks/index.ts';
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
import { PPO, type PPOOptions } from './ppo.ts';
import { ppoLoss } from './ppo-loss.ts';

const list = (x: Tensor) => x.tolist() as number[];

describe('loss', () => {
  const logits = [
    [0.2, -0.4],
    [1, 0.5],
    [-0.3, 0.3],
  ];
  const [actions, old, advantages] = [
    [0, 1, 1],
    [-0.9, -0.5, -0.2],
    [1.5, -2, 0.7],
  ];
  const [values, oldValues, targets] = [
    [0.5, -1, 2],
    [0.1, -1.1, 2.4],
    [1, 0, 1.5],
  ];
  const settings = { clip: 0.2, valueClip: 0.3, valueCoefficient: 0.7, entropyCoefficient: 0.05 };

  /** The loss in plain numbers. */
  function plain(of: number[][], v: number[], valueClip: number | null): number {
    let [policy, value, entropy] = [0, 0, 0];
    of.forEach((row, i) => {
      const sum = Math.log(row.reduce((total, x) => total + Math.exp(x), 0));
      const logs = row.map((x) => x - sum);
      const ratio = Math.exp(logs[actions![i]!]! - old![i]!);
      const clipped = Math.min(Math.max(ratio, 0.8), 1.2);
      policy -= Math.min(ratio * advantages![i]!, clipped * advantages![i]!) / 3;
      const near = oldValues![i]! + Math.min(Math.max(v[i]! - oldValues![i]!, -valueClip!), valueClip!);
      const errors = [(v[i]! - targets![i]!) ** 2, valueClip === null ? 0 : (near - targets![i]!) ** 2];
      value += Math.max(...errors) / 3;
      entropy -= logs.reduce((total, log) => total + Math.exp(log) * log, 0) / 3;
    });
    return policy + 0.7 * value - 0.05 * entropy;
  }

  it.each([null, 0.3])('is the formula, and so is its gradient (value clip %s)', (valueClip) => {
    scope(() => {
      const f64 = { dtype: 'float64' } as const;
      const [x, v] = [tensor(logits, f64).requiresGrad_(), tensor(values!, f64).requiresGrad_()];
      const { loss } = ppoLoss(
        { distribution: new Categorical(x), values: v },
        {
          actions: tensor(actions!, { dtype: 'int64' }),
          oldLogProbability: tensor(old!, f64),
          advantages: tensor(advantages!, f64),
          oldValues: tensor(oldValues!, f64),
          targets: tensor(targets!, f64),
        },
        { ...settings, valueClip },
      );
      expect(loss.item()).toBeCloseTo(plain(logits, values!, valueClip), 12);
      loss.backward();
      const eps = 1e-6;
      const slope = (at: (delta: number) => number) => (at(eps) - at(-eps)) / (2 * eps);
      logits.forEach((row, i) => {
        row.forEach((_, j) => {
          const moved = (delta: number) =>
            plain(
              logits.map((r, k) => r.map((y, l) => y + (k === i && l === j ? delta : 0))),
              values!,
              valueClip,
            );
          expect((x.grad!.tolist() as number[][])[i]![j]).toBeCloseTo(slope(moved), 7);
        });
        const moved = (delta: number) =>
          plain(
            logits,
            values!.map((y, k) => y + (k === i ? delta : 0)),
            valueClip,
          );
        expect(list(v.grad!)[i]).toBeCloseTo(slope(moved), 7);
      });
    });
  });
});

type Spaces = Pick<PPOOptions, 'observationSpace' | 'actionSpace'>;
type Changes = Partial<PPOOptions> & { lr?: number };
function make({ lr = 1e-2, ...changes }: Changes = {}, spaces: Spaces = smallSpaces.discrete): PPO {
  const model = smallModel(spaces);
  return new PPO({
    ...spaces,
    seed: 3,
    model,
    optimizer: new Adam(model.parameters(), { lr }),
    gamma: 0.9,
    lambda: 0.95,
    updateInterval: 16,
    minibatchSize: 8,
    epochs: 2,
    clip: 0.2,
    valueClip: null,
    valueCoefficient: 1,
    entropyCoefficient: 0.01,
    standardizeAdvantages: true,
    maxGradNorm: null,
    learningRateDecay: null,
    clipDecay: null,
    maxSequenceLength: null,
    ...changes,
  });
}

/** The weights after some rounds, as one list. */
function trained(changes: Changes = {}, rounds = 16): number[] {
  return scope(() => {
    using agent = make({ environments: 2, ...changes });
    const outcomes = happenings(2, 11);
    live(agent, outcomes, outcomes.next().value!, rounds);
    return agent.model.parameters().flatMap((each) => [...(each.data() as Float32Array)]);
  });
}

describe('update', () => {
  it('comes when all environments together have taken the steps of the interval', () => {
    scope(() => {
      using agent = make({ environments: 2 });
      const outcomes = happenings(2, 11);
      const { last } = live(agent, outcomes, outcomes.next().value!, 7);
      expect(agent.updates).toBe(0);
      live(agent, outcomes, last, 1);
      expect([agent.updates, agent.steps]).toEqual([1, 16]);
      expect(Number.isFinite(agent.statistics()['explained_variance'])).toBe(true);
    });
  });

  it.each<[string, Changes]>([
    ['gamma', { gamma: 0.5 }],
    ['lambda', { lambda: 0.1 }],
    ['epochs', { epochs: 3 }],
    ['minibatchSize', { minibatchSize: 16 }],
    ['clip', { clip: 0.001 }],
    ['valueClip', { valueClip: 0.001 }],
    ['valueCoefficient', { valueCoefficient: 0.1 }],
    ['entropyCoefficient', { entropyCoefficient: 0.5 }],
    ['standardizeAdvantages', { standardizeAdvantages: false }],
    ['maxGradNorm', { maxGradNorm: 0.01 }],
    ['learningRateDecay', { learningRateDecay: 40 }],
    ['clipDecay', { clipDecay: 17 }],
    ['seed', { seed: 4 }],
  ])('depends on %s', (_, changes) => {
    expect(trained(changes, 32)).not.toEqual(trained({}, 32));
  });

  it('takes a time limit for no end: what follows counts', () => {
    scope(() => {
      const run = (terminated: boolean) => {
        using agent = make({ updateInterval: 2, minibatchSize: 2, epochs: 1, standardizeAdvantages: false });
        const observation = Float32Array.of(1, 2, 3);
        for (let step = 0; step < 2; step++) {
          agent.act([observation]);
          agent.observe([
            {
              reward: 1,
              next: Float32Array.of(3, 2, 1),
              terminated: step === 0 && terminated,
              truncated: step === 0 && !terminated,
            },
          ]);
        }
        return agent.model.parameters().flatMap((each) => [...(each.data() as Float32Array)]);
      };
      expect(run(true)).not.toEqual(run(false));
    });
  });

  it('evaluates with the statistics as they were, then takes the rollout in, then learns with the new ones', () => {
    scope(() => {
      const normalizer = new EmpiricalNormalization([3]);
      const order: string[] = [];
      const { forward, experience } = normalizer;
      normalizer.forward = function (x) {
        order.push(`normalize ${x.shape[0]} rows at count ${this.count.item()}`);
        return forward.call(this, x);
      };
      normalizer.experience = function (x) {
        order.push('experience');
        experience.call(this, x);
      };
      using agent = make({ normalizer, updateInterval: 2, minibatchSize: 2 });
      const outcomes = happenings(1, 8);
      live(agent, outcomes, outcomes.next().value!, 2);
      // Two of acting, the rollout and what followed it, and the rollout again.
      const at = (count: number, rows: number) => `normalize ${rows} rows at count ${count}`;
      expect(order).toEqual([at(0, 1), at(0, 1), at(0, 2), at(0, 1), 'experience', at(2, 2)]);
    });
  });
});

describe('resume', () => {
  it.each(['discrete', 'continuous'] as const)('goes on bit for bit from the middle of a rollout (%s)', (kind) => {
    const normalizer = () => new EmpiricalNormalization([3], { clip: 5 });
    expectSameAfterResume(() => make({ environments: 2, normalizer: normalizer() }, smallSpaces[kind]), 2, 11, 20);
  });

  it('refuses the state of another kind', () => {
    scope(() => {
      using agent = make();
      expect(() => agent.loadState({ tensors: {}, state: { agent: 'DQN' } })).toThrow(/of kind DQN, this one is PPO/);
    });
  });
});

it('evaluation takes the likeliest action unless it is told to draw, and moves no stream of the agent', () => {
  scope(() => {
    using agent = make();
    const observation = [Float32Array.of(0.1, 0, 0)];
    const before = Buffer.from((agent.state().state as { streams: { actions: Uint8Array } }).streams.actions);
    const actions = (deterministic: boolean | undefined, seed: number) => {
      using actor = agent.actor({ deterministic, seed });
      return Array.from({ length: 20 }, () => actor.act(observation)[0]);
    };
    expect(new Set(actions(undefined, 1)).size).toBe(1);
    expect(new Set(actions(false, 1)).size).toBe(2);
    expect(actions(false, 1)).toEqual(actions(false, 1));
    expect(actions(false, 1)).not.toEqual(actions(false, 2));
    const after = Buffer.from((agent.state().state as { streams: { actions: Uint8Array } }).streams.actions);
    expect(after.equals(before)).toBe(true);
  });
});

describe('learns ABC', () => {
  it.each([{ discrete: true }, { discrete: false }])('%o', (options) => {
    scope(() => {
      const spaces = abcSpaces(options);
      using agent = make({ environments: 2, updateInterval: 64, minibatchSize: 32, epochs: 4 }, spaces);
      expect(stepsToLearn(agent, () => abc(options), { environments: 2 })).toBeLessThan(Infinity);
    });
  });
});
