// The update of IQN and its double form against plain numbers: quantiles that are lines Z_τ(s, a) = m(s, a) + d(s, a) τ, at the τ that
// the agent's own stream gives. And by which quantiles it acts.
import { describe, expect, it } from 'vitest';
import { deriveSeed, RandomStream } from '../../base/index.ts';
import { Module, parameter } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { noGrad, Rng, rand, scope, type Tensor } from '../../torch/index.ts';
import { QuantileValues } from '../action-values/index.ts';
import type { Action } from '../environment.ts';
import type { QuantileFunction } from '../networks/index.ts';
import { ReplayBuffer } from '../replay/index.ts';
import { Discrete } from '../spaces/index.ts';
import { table } from './agents.testing.ts';
import { DoubleIQN, IQN, type IQNOptions } from './iqn.ts';

const mean = [[1, 0.5], [0.2, 0.8]] as const; // biome-ignore format: a table
const spread = [[0.5, -1], [2, -0.5]] as const; // biome-ignore format: a table
/** Of the target network. In state 1 it thinks another action best. */
const targetMean = [[0, 0], [-1, 0.6]] as const; // biome-ignore format: a table
const spaces = { observationSpace: new Discrete(2), actionSpace: new Discrete(2) };

class Lines extends Module {
  mean = parameter(table(mean));
  spread = parameter(table(spread));
  readonly asked: number[][] = [];

  forward(x: Tensor): QuantileFunction {
    const [m, d] = [x.matmul(this.mean), x.matmul(this.spread)];
    const at = (taus: Tensor) => {
      this.asked.push((taus.flatten().tolist() as number[]).slice());
      return new QuantileValues(m.unsqueeze(1).add(taus.unsqueeze(2).mul(d.unsqueeze(1))));
    };
    return { batch: x.size(0), features: x, at, rows: () => this.forward(x) } as unknown as QuantileFunction;
  }
}

const huber = (d: number) => (Math.abs(d) < 1 ? (d * d) / 2 : Math.abs(d) - 0.5);
const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function make(Agent: typeof IQN, given: Partial<IQNOptions> = {}): IQN {
  const options: IQNOptions = {
    ...spaces,
    seed: 4,
    network: () => new Lines() as never,
    optimizer: (network) => new SGD([{ parameters: network.namedParameters() }], { lr: 1 }),
    replay: new ReplayBuffer({ capacity: 20, ...spaces, rng: new RandomStream(0) }),
    explorer: { select: (): Action => 1, state: () => null, loadState: () => {} },
    gamma: 0.9,
    accumulator: 'mean',
    softUpdate: null,
    maxGradNorm: null,
    replayStart: 1,
    batchSize: 1,
    updateInterval: 1,
    updatesPerInterval: 1,
    targetUpdateInterval: 1000,
    quantiles: 3,
    targetQuantiles: 4,
    actingQuantiles: 5,
    ...given,
  };
  const agent = new Agent(options);
  noGrad(() => scope(() => void (agent.target.network as unknown as Lines).mean.copy_(table(targetMean))));
  return agent;
}

describe.each([
  ['IQN', IQN],
  ['DoubleIQN', DoubleIQN],
] as const)('%s', (_, Agent) => {
  it('compares N quantiles with N′ of what follows, after the action that is best by the mean of K', () => {
    scope(() => {
      using agent = make(Agent);
      agent.act([0]);
      agent.observe([{ reward: 0.3, next: 1, terminated: false, truncated: false }]);
      const rng = new Rng(deriveSeed(4, 'network'));
      const draw = (count: number) => (rand([1, count], rng).tolist() as number[][])[0]!;
      draw(5); // those it acted by
      const [taus, choosing, following] = [draw(3), draw(5), draw(4)];
      const chooser = Agent === IQN ? targetMean : mean;
      const q = [0, 1].map((a) => average(choosing.map((tau) => chooser[1]![a]! + spread[1]![a]! * tau)));
      const best = q[0]! > q[1]! ? 0 : 1;
      expect(best, 'the two forms differ here').toBe(Agent === IQN ? 1 : 0);
      const y = taus.map((tau) => mean[0]![1]! + spread[0]![1]! * tau);
      const t = following.map((tau) => 0.3 + 0.9 * (targetMean[1]![best]! + spread[1]![best]! * tau));
      const weight = (i: number, j: number) => Math.abs(taus[i]! - (t[j]! > y[i]! ? 1 : 0));
      const loss = y.reduce((sum, yi, i) => sum + average(t.map((tj, j) => weight(i, j) * huber(yi - tj))), 0);
      expect(agent.statistics()['loss']! * 100).toBeCloseTo(loss, 4);
    });
  });
});

it('what was drawn by priority counts by its weight, and the losses are a mean or a sum', () => {
  const lossOf = (weights: number[], accumulator: 'mean' | 'sum') =>
    scope(() => {
      class Weighted extends ReplayBuffer {
        override sample(size: number, gamma: number) {
          return { ...super.sample(size, gamma), weights: Float32Array.from(weights) };
        }
      }
      const replay = new Weighted({ capacity: 20, ...spaces, rng: new RandomStream(0) });
      using agent = make(IQN, { accumulator, replay, replayStart: 2, batchSize: 2 });
      for (let step = 0; step < 2; step++) {
        agent.act([0]);
        agent.observe([{ reward: 3, next: 1, terminated: true, truncated: false }]);
      }
      return agent.statistics()['loss']! * 100;
    });
  expect(lossOf([0.5, 0.5], 'mean') / lossOf([1, 1], 'mean')).toBeCloseTo(0.5, 5);
  expect(lossOf([1, 1], 'sum') / lossOf([1, 1], 'mean')).toBeCloseTo(2, 5);
});

it('acts by quantiles that are drawn, and in a deterministic evaluation by even ones', () => {
  scope(() => {
    using agent = make(IQN);
    const { asked } = agent.network as unknown as Lines;
    using even = agent.actor({ deterministic: true });
    even.act([0]);
    even.act([0]);
    const [first, second] = asked.splice(0);
    expect([first, second]).toEqual([
      [0, 0.25, 0.5, 0.75, 1],
      [0, 0.25, 0.5, 0.75, 1],
    ]);
    using drawing = agent.actor({ deterministic: false, seed: 1 });
    using again = agent.actor({ deterministic: false, seed: 1 });
    drawing.act([0]);
    drawing.act([0]);
    again.act([0]);
    const [one, two, three] = asked.splice(0);
    expect(one).not.toEqual(two);
    expect(three).toEqual(one);
    agent.act([0]);
    const rng = new Rng(deriveSeed(4, 'network'));
    expect(asked.splice(0)).toEqual(rand([1, 5], rng).tolist());
  });
});
