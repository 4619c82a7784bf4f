// The update of n-step Q-learning against plain numbers: with a table as the network and a step of gradient descent of rate 1, what
// changes in the table is the gradient. And when it learns, copies and forgets.
import { describe, expect, it } from 'vitest';
import { Module, parameter } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import { DiscreteValues } from '../action-values/index.ts';
import type { Outcome } from '../agent.ts';
import type { Action } from '../environment.ts';
import { DiscreteHead, makeBody, makeCore, RecurrentQNetwork } from '../networks/index.ts';
import { Discrete } from '../spaces/index.ts';
import { table } from './agents.testing.ts';
import { NSQ, type NSQOptions } from './nsq.ts';

const Q = [[1, 3, -2], [0.5, -1, 0.25], [2, 2.5, 4], [0, 0, 0]] as const; // biome-ignore format: a table
const T = [[0.3, 2, 1], [1.5, -0.5, 0.75], [3, -1, 2], [9, 9, 9]] as const; // biome-ignore format: a table
const spaces = { observationSpace: new Discrete(4), actionSpace: new Discrete(3, 5) };

class TableNetwork extends Module {
  table: Tensor;

  constructor() {
    super();
    this.table = parameter(table(Q));
  }

  forward(x: Tensor): DiscreteValues {
    return new DiscreteValues(x.matmul(this.table));
  }
}

/** Takes what it is given, and notes what it is asked. */
class Script {
  readonly asked: [t: number, environment: number, values: number[]][] = [];
  readonly #actions: Action[];

  constructor(actions: readonly Action[]) {
    this.#actions = [...actions];
  }

  select(t: number, environment: number, greedy: Action, values?: ArrayLike<number>): Action {
    this.asked.push([t, environment, Array.from(values!)]);
    return this.#actions.shift() ?? greedy;
  }

  state(): null {
    return null;
  }

  loadState(): void {}
}

function make(actions: readonly Action[], given: Partial<NSQOptions> = {}): NSQ {
  const agent = new NSQ({
    ...spaces,
    seed: 0,
    network: () => new TableNetwork(),
    optimizer: (network) => new SGD([{ parameters: network.namedParameters() }], { lr: 1 }),
    explorer: new Script(actions),
    gamma: 0.9,
    rolloutSteps: 2,
    targetUpdateInterval: 1000,
    maxGradNorm: null,
    ...given,
  });
  noGrad(() => scope(() => void (agent.target.network as unknown as TableNetwork).table.copy_(table(T))));
  return agent;
}

const weights = (agent: NSQ) => (agent.network as unknown as TableNetwork).table.tolist() as number[][];
const gradientOf = (agent: NSQ) => weights(agent).map((row, s) => row.map((value, a) => Q[s]![a]! - value));
const outcome = (reward: number, next: number, end: 'goes on' | 'terminated' | 'truncated' = 'goes on'): Outcome => ({
  reward,
  next,
  terminated: end === 'terminated',
  truncated: end === 'truncated',
});
const slope = (d: number) => Math.max(-1, Math.min(1, d));

/** Of Huber's losses, summed, at these places. */
function expectGradient(agent: NSQ, wanted: readonly [s: number, a: number, target: number][], factor = 1): void {
  const expected = Q.map((row) => row.map(() => 0));
  for (const [s, a, target] of wanted) expected[s]![a]! += factor * slope(Q[s]![a]! - target);
  gradientOf(agent).forEach((row, s) => {
    row.forEach((value, a) => void expect(value, `${s}, ${a}`).toBeCloseTo(expected[s]![a]!, 5));
  });
}

describe('the return of each step', () => {
  it.each(['goes on', 'terminated', 'truncated'] as const)('where the episode %s', (end) => {
    scope(() => {
      using agent = make([6, 7]);
      agent.act([0]);
      agent.observe([outcome(2, 1)]);
      expect(agent.updates).toBe(0);
      agent.act([1]);
      agent.observe([outcome(0.5, 2, end)]);
      expect(agent.updates).toBe(1);
      const last = 0.5 + (end === 'terminated' ? 0 : 0.9 * 3);
      const first = 2 + 0.9 * last;
      expectGradient(agent, [[0, 1, first], [1, 2, last]]); // biome-ignore format: a table
      const huber = (d: number) => (Math.abs(d) < 1 ? (d * d) / 2 : Math.abs(d) - 0.5);
      expect(agent.statistics()['loss']! * 100).toBeCloseTo(huber(3 - first) + huber(0.25 - last), 4);
    });
  });

  it('is of fewer steps at the end of an episode, or where it is abandoned', () => {
    scope(() => {
      using agent = make([5], { rolloutSteps: 5 });
      agent.act([0]);
      agent.observe([outcome(0.5, 2, 'truncated')]);
      expectGradient(agent, [[0, 0, 0.5 + 0.9 * 3]]);
      using other = make([5], { rolloutSteps: 5 });
      other.act([0]);
      other.observe([outcome(0.5, 2)]);
      other.abandon(0);
      expect(other.updates).toBe(1);
      expectGradient(other, [[0, 0, 0.5 + 0.9 * 3]]);
      other.abandon(0);
      expect(other.updates).toBe(1);
    });
  });

  it('is of one environment alone', () => {
    scope(() => {
      using agent = make([6, 7, 5, 5], { environments: 2, rolloutSteps: 2 });
      agent.act([0, 2]);
      agent.observe([outcome(2, 1, 'terminated'), outcome(-1, 3)]);
      expectGradient(agent, [[0, 1, 2]]);
      const before = weights(agent);
      agent.act([0, 3]);
      agent.observe([outcome(0, 1), outcome(-2, 2, 'terminated')]);
      const moved = weights(agent).map((row, s) => row.map((value, a) => before[s]![a]! - value));
      expect(moved[2]![2]).toBeCloseTo(slope(4 - (-1 + 0.9 * -2)), 5);
      expect(moved[3]![0]).toBeCloseTo(slope(0 + 2), 5);
      expect(moved[0]).toEqual([0, 0, 0]);
    });
  });
});

it('gradients are scaled down to a norm', () => {
  scope(() => {
    using agent = make([6, 7], { maxGradNorm: 0.1 });
    agent.act([0]);
    agent.observe([outcome(9, 1)]);
    agent.act([1]);
    agent.observe([outcome(9, 2)]);
    expect(Math.hypot(...gradientOf(agent).flat())).toBeCloseTo(0.1, 4);
  });
});

it('the target network is copied every so many steps of all environments', () => {
  scope(() => {
    using agent = make([], { environments: 2, rolloutSteps: 100, targetUpdateInterval: 4 });
    const copied = () => ((agent.target.network as unknown as TableNetwork).table.tolist() as number[][])[3]![0] === 0;
    const seen: boolean[] = [];
    for (let round = 0; round < 2; round++) {
      agent.act([0, 1]);
      agent.observe([outcome(0, 0), outcome(0, 1)]);
      seen.push(copied());
    }
    expect(seen).toEqual([false, true]);
  });
});

it('asks its explorer with the step, the environment and the values', () => {
  scope(() => {
    const explorer = new Script([]);
    using agent = make([], { environments: 2, explorer, rolloutSteps: 100 });
    expect(agent.act([0, 2])).toEqual([6, 7]);
    agent.observe([outcome(0, 0), outcome(0, 1)]);
    agent.act([1, 3]);
    expect(explorer.asked).toEqual([
      [0, 0, [...Q[0]]],
      [0, 1, [...Q[2]]],
      [2, 0, [...Q[1]]],
      [2, 1, [...Q[3]]],
    ]);
  });
});

describe('a memory', () => {
  const settings = { kind: 'mlp', hidden: [4], activation: 'tanh', weightInit: 'lecun-normal' } as const;

  /** The values at each step, and what each update's loss was. */
  function lived(ends: readonly ('goes on' | 'terminated' | 'truncated')[]) {
    return scope(() => {
      const explorer = new Script([]);
      using agent = new NSQ({
        ...spaces,
        seed: 3,
        network: (rng) =>
          new RecurrentQNetwork(
            makeBody(spaces.observationSpace, settings, rng),
            makeCore('rnn-tanh', 4, 6, rng),
            new DiscreteHead(6, 3, rng),
          ),
        optimizer: (network) => new SGD([{ parameters: network.namedParameters() }], { lr: 1e-12 }),
        explorer,
        gamma: 0.9,
        rolloutSteps: 2,
        targetUpdateInterval: 1000,
        maxGradNorm: null,
      });
      const losses: number[] = [];
      let average = 0;
      for (const end of ends) {
        agent.act([1]);
        const { updates } = agent;
        agent.observe([outcome(0, 1, end)]);
        if (agent.updates === updates) continue;
        losses.push((agent.statistics()['loss']! - 0.99 * average) / 0.01);
        average = agent.statistics()['loss']!;
      }
      return { values: explorer.asked.map(([, , values]) => values), losses };
    });
  }
  const rounded = (values: readonly number[]) => values.map((value) => value.toFixed(4)).join();

  it('goes on within an episode, and begins anew with the next', () => {
    const { values } = lived(['goes on', 'goes on', 'goes on', 'truncated', 'goes on', 'terminated', 'goes on']);
    const [first, second, third] = values.map(rounded);
    expect(new Set([first, second, third]).size).toBe(3);
    expect([4, 6].map((step) => rounded(values[step]!))).toEqual([first, first]);
    expect(rounded(values[5]!)).toBe(second);
  });

  it('is what it was when acting, where it learns', () => {
    const { values } = lived(['goes on', 'goes on', 'goes on', 'goes on', 'goes on']);
    const { losses } = lived(['goes on', 'goes on', 'goes on', 'truncated']);
    const q = values.map((each) => Math.max(...each));
    const last = 0.9 * q[4]!;
    const wanted = 0.5 * (q[3]! - last) ** 2 + 0.5 * (q[2]! - 0.9 * last) ** 2;
    expect(losses[1]).toBeCloseTo(wanted, 4);
  });
});
