// The update of every agent with values of single actions, against formulas of plain numbers: with a table as the network and
// a step of gradient descent of rate 1, what changes in the table is the gradient.
import { describe, expect, it } from 'vitest';
import { ConfigError, RandomStream } from '../../base/index.ts';
import { Module, parameter } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../torch/index.ts';
import { DiscreteValues } from '../action-values/index.ts';
import type { Action } from '../environment.ts';
import { type Explorer, Greedy } from '../explorers/index.ts';
import { PrioritizedReplayBuffer, ReplayBuffer } from '../replay/index.ts';
import { Discrete } from '../spaces/index.ts';
import { AL, DoublePAL, PAL } from './advantage-learning.ts';
import { DoubleDQN } from './double-dqn.ts';
import { DPP, DPPGreedy, DPPL } from './dpp.ts';
import { DQN, type DQNOptions } from './dqn.ts';
import { ResidualDQN } from './residual-dqn.ts';
import { SARSA } from './sarsa.ts';

const Q = [[1, 3, -2], [0.5, -1, 0.25], [2, 2.5, 4], [0, 0, 0]] as const; // biome-ignore format: a table
const T = [[0.3, 2, 1], [1.5, -0.5, 0.75], [3, -1, 2], [9, 9, 9]] as const; // biome-ignore format: a table
/** State, action, reward, next state, whether the task ended. */
const steps = [
  [0, 1, 1, 1, false],
  [1, 2, -0.5, 2, false],
  [2, 0, 2, 3, true],
] as const;
const actions = steps.map(([, a]) => a);
const gamma = 0.9;

class TableNetwork extends Module {
  table: Tensor;

  constructor() {
    super();
    this.table = parameter(tensor(Q.map((row) => [...row])));
  }

  forward(x: Tensor): DiscreteValues {
    return new DiscreteValues(x.matmul(this.table));
  }
}

const spaces = { observationSpace: new Discrete(4), actionSpace: new Discrete(3) };

const options: DQNOptions = {
  ...spaces,
  seed: 0,
  network: () => new TableNetwork(),
  optimizer: (network) => new SGD([{ parameters: network.namedParameters() }], { lr: 1 }),
  replay: undefined as never,
  explorer: new Greedy(),
  gamma,
  clipDelta: true,
  accumulator: 'mean',
  softUpdate: null,
  maxGradNorm: null,
  replayStart: 3,
  batchSize: 3,
  updateInterval: 3,
  updatesPerInterval: 1,
  targetUpdateInterval: 1000,
};

/** The loss of the three steps, and the gradient of the table. */
function update(
  make: (options: DQNOptions) => DQN,
  given: Partial<DQNOptions> = {},
): { loss: number; gradient: number[][] } {
  return scope(() => {
    const replay = new ReplayBuffer({ capacity: 20, ...spaces, rng: new RandomStream(0) });
    using agent = make({ ...options, explorer: new Script(actions), replay, ...given });
    noGrad(() => (agent.target.network as TableNetwork).table.copy_(tensor(T.map((row) => [...row]))));
    take(agent);
    const after = (agent.network as TableNetwork).table.tolist() as number[][];
    const gradient = Q.map((row, s) => row.map((value, a) => value - after[s]![a]!));
    return { loss: agent.statistics()['loss']! * 100, gradient };
  });
}

/** Takes the actions it is given first, and then always one, or what is greedy. */
class Script implements Explorer {
  readonly #actions: number[];
  readonly #then: number | undefined;

  constructor(actions: readonly number[], then?: number) {
    this.#actions = [...actions];
    this.#then = then;
  }

  select(_t: number, _environment: number, greedy: Action): Action {
    return this.#actions.shift() ?? this.#then ?? greedy;
  }

  state(): null {
    return null;
  }

  loadState(): void {}
}

/** Has the agent take the three steps. */
function take(agent: DQN): void {
  for (const [s, , reward, next, terminated] of steps) {
    agent.act([s]);
    agent.observe([{ reward, next, terminated, truncated: false }]);
  }
}

const max = (row: readonly number[]) => Math.max(...row);
const argmax = (row: readonly number[]) => row.indexOf(max(row));
const huber = (d: number) => (Math.abs(d) < 1 ? (d * d) / 2 : Math.abs(d) - 0.5);
const slope = (d: number) => Math.max(-1, Math.min(1, d));
const D = (ended: boolean) => (ended ? 0 : gamma);
const boltzmann = (row: readonly number[], eta: number) => {
  const weights = row.map((q) => Math.exp(eta * q));
  const sum = weights.reduce((a, b) => a + b);
  return row.reduce((mean, q, i) => mean + (q * weights[i]!) / sum, 0);
};
const logSumExp = (row: readonly number[], eta: number) =>
  Math.log(row.reduce((sum, q) => sum + Math.exp(eta * q), 0)) / eta;

type Target = (s: number, a: number, r: number, n: number, ended: boolean) => number;

function expected(target: Target, reduce: 'mean' | 'sum' = 'mean'): { loss: number; gradient: number[][] } {
  const share = reduce === 'mean' ? 1 / 3 : 1;
  const gradient = Q.map((row) => row.map(() => 0));
  let loss = 0;
  for (const [s, a, r, n, ended] of steps) {
    const d = Q[s][a] - target(s, a, r, n, ended);
    loss += share * huber(d);
    gradient[s]![a]! += share * slope(d);
  }
  return { loss, gradient };
}

function expectClose(actual: { loss: number; gradient: number[][] }, wanted: { loss: number; gradient: number[][] }) {
  expect(actual.loss).toBeCloseTo(wanted.loss, 5);
  actual.gradient.flat().forEach((value, i) => {
    expect(value).toBeCloseTo(wanted.gradient.flat()[i]!, 5);
  });
}

const advantage = (row: readonly number[], a: number) => row[a]! - max(row);
const dqnTarget: Target = (_s, _a, r, n, ended) => r + D(ended) * max(T[n]!);
const doubleTarget: Target = (_s, _a, r, n, ended) => r + D(ended) * T[n]![argmax(Q[n]!)]!;
const persistent = (s: number, a: number, n: number) => Math.max(advantage(T[s]!, a), advantage(T[n]!, a));

describe('loss and gradient', () => {
  it.each<[string, (options: DQNOptions) => DQN, Target]>([
    ['DQN', (o) => new DQN(o), dqnTarget],
    ['DoubleDQN', (o) => new DoubleDQN(o), doubleTarget],
    [
      'AL',
      (o) => new AL({ ...o, alpha: 0.7 }),
      (s, a, r, n, e) => dqnTarget(s, a, r, n, e) + 0.7 * advantage(T[s]!, a),
    ],
    [
      'PAL',
      (o) => new PAL({ ...o, alpha: 0.7 }),
      (s, a, r, n, e) => dqnTarget(s, a, r, n, e) + 0.7 * persistent(s, a, n),
    ],
    [
      'DoublePAL',
      (o) => new DoublePAL({ ...o, alpha: 0.7 }),
      (s, a, r, n, e) => doubleTarget(s, a, r, n, e) + 0.7 * persistent(s, a, n),
    ],
    [
      'DPP',
      (o) => new DPP({ ...o, eta: 2 }),
      (s, a, r, n, e) => T[s]![a]! + r + D(e) * boltzmann(T[n]!, 2) - boltzmann(T[s]!, 2),
    ],
    [
      'DPPL',
      (o) => new DPPL({ ...o, eta: 2 }),
      (s, a, r, n, e) => T[s]![a]! + r + D(e) * logSumExp(T[n]!, 2) - logSumExp(T[s]!, 2),
    ],
    ['DPPGreedy', (o) => new DPPGreedy(o), (s, a, r, n, e) => T[s]![a]! + r + D(e) * max(T[n]!) - max(T[s]!)],
    ['SARSA', (o) => new SARSA(o), dqnTarget],
  ])('of %s', (_, make, target) => {
    // biome-ignore format: a table
    expectClose(update(make), expected(target));
  });

  it('of SARSA follows the explorer', () => {
    expectClose(
      update((o) => new SARSA(o), { explorer: new Script(actions, 1) }),
      expected((_s, _a, r, n, ended) => r + D(ended) * T[n]![1]!),
    );
  });

  it('of ResidualDQN flows through both sides, the other one as much as is said', () => {
    const target: Target = (_s, _a, r, n, ended) => r + D(ended) * max(Q[n]!);
    const wanted = expected(target);
    for (const [s, a, r, n, ended] of steps) {
      const d = Q[s][a] - target(s, a, r, n, ended);
      wanted.gradient[n]![argmax(Q[n])]! -= (slope(d) * D(ended) * 0.25) / 3;
    }
    expectClose(
      update((o) => new ResidualDQN({ ...o, gradScale: 0.25 })),
      wanted,
    );
  });

  it('is summed over the batch, or a square, when that is asked for', () => {
    expectClose(
      update((o) => new DQN(o), { accumulator: 'sum' }),
      expected(dqnTarget, 'sum'),
    );
    const wanted = expected(dqnTarget);
    wanted.loss = 0;
    for (const [s, a, r, n, ended] of steps) {
      const d = Q[s][a] - dqnTarget(s, a, r, n, ended);
      wanted.loss += (d * d) / 6;
      wanted.gradient[s]![a] = d / 3;
    }
    expectClose(
      update((o) => new DQN(o), { clipDelta: false }),
      wanted,
    );
  });

  it('is scaled down to a norm', () => {
    const { gradient } = update((o) => new DQN(o), { maxGradNorm: 0.1 });
    expect(Math.hypot(...gradient.flat())).toBeCloseTo(0.1, 4);
  });
});

it('discounts what follows a window of n steps by γⁿ, and a shorter one by its length', () => {
  const replay = new ReplayBuffer({ capacity: 20, ...spaces, rng: new RandomStream(0), steps: 2 });
  const twoSteps: Target = (s) => {
    if (s === 0) return 1 + gamma * -0.5 + gamma ** 2 * max(T[2]);
    return s === 1 ? -0.5 + gamma * 2 : 2;
  };
  expectClose(
    update((o) => new DQN(o), { replay }),
    expected(twoSteps),
  );
});

it('bootstraps after a time limit', () => {
  scope(() => {
    const replay = new ReplayBuffer({ capacity: 20, ...spaces, rng: new RandomStream(0) });
    using agent = new DQN({
      ...options,
      explorer: new Script([1]),
      replay,
      replayStart: 1,
      batchSize: 1,
      updateInterval: 1,
    });
    agent.act([0]);
    agent.observe([{ reward: 1, next: 2, terminated: false, truncated: true }]);
    // y = 3, t = 1 + 0.9 · 4
    expect(agent.statistics()['loss']! * 100).toBeCloseTo(huber(3 - 4.6), 5);
  });
});

it('SARSA explores at the step where it is, by actions of the space', () => {
  const asked: number[] = [];
  const counted = new Discrete(3, 5);
  const script = [...actions];
  const explorer: Explorer = {
    select: (t) => {
      asked.push(t);
      return 5 + (script.shift() ?? 1);
    },
    state: () => null,
    loadState: () => {},
  };
  const replay = new ReplayBuffer({ capacity: 20, ...spaces, actionSpace: counted, rng: new RandomStream(0) });
  expectClose(
    update((o) => new SARSA(o), { explorer, replay, actionSpace: counted }),
    expected((_s, _a, r, n, ended) => r + D(ended) * T[n]![1]!),
  );
  expect(asked).toEqual([0, 1, 2, 3, 3, 3]);
});

it.each<[string, (options: DQNOptions) => DQN, Target]>([
  ['DQN', (o) => new DQN(o), dqnTarget],
  ['ResidualDQN', (o) => new ResidualDQN({ ...o, gradScale: 0 }), (_s, _a, r, n, ended) => r + D(ended) * max(Q[n]!)],
])('%s counts each sample by its weight', (_, make, target) => {
  const of = [0.5, 1, 0.25];
  class Weighted extends ReplayBuffer {
    override sample(size: number, discount: number) {
      const batch = super.sample(size, discount);
      return { ...batch, weights: Float32Array.from(batch.observations, (s) => of[s]!) };
    }
  }
  const replay = new Weighted({ capacity: 20, ...spaces, rng: new RandomStream(0) });
  const wanted = { loss: 0, gradient: Q.map((row) => row.map(() => 0)) };
  for (const [s, a, r, n, ended] of steps) {
    const d = Q[s][a] - target(s, a, r, n, ended);
    wanted.loss += (of[s]! * huber(d)) / 3;
    wanted.gradient[s]![a]! += (of[s]! * slope(d)) / 3;
  }
  expectClose(update(make, { replay }), wanted);
});

it('ResidualDQN tells replay how far off it was', () => {
  const told: number[] = [];
  class Told extends ReplayBuffer {
    override learned(errors: () => Tensor): void {
      told.push(...(scope(() => errors().tolist()) as number[]));
    }
  }
  const replay = new Told({ capacity: 20, ...spaces, rng: new RandomStream(0) });
  update((o) => new ResidualDQN({ ...o, gradScale: 0.5 }), { replay });
  const wanted = steps.map(([s, a, r, n, ended]) => Math.abs(Q[s][a] - (r + D(ended) * max(Q[n]))));
  const sorted = (of: number[]) => of.toSorted((a, b) => a - b).map((value) => value.toFixed(4));
  expect(sorted(told)).toEqual(sorted(wanted));
});

it('refuses a weight of an advantage, a temperature or a share that makes no sense', () => {
  const made: TableNetwork[] = [];
  const network = () => {
    made.push(new TableNetwork());
    return made.at(-1)!;
  };
  const o = { ...options, network, replay: new ReplayBuffer({ capacity: 20, ...spaces, rng: new RandomStream(0) }) };
  for (const make of [
    () => new AL({ ...o, alpha: 1.5 }),
    () => new PAL({ ...o, alpha: -0.1 }),
    () => new DoublePAL({ ...o, alpha: 2 }),
    () => new DPP({ ...o, eta: 0 }),
    () => new DPPL({ ...o, eta: -1 }),
    () => new ResidualDQN({ ...o, gradScale: -1 }),
  ])
    expect(make).toThrow(ConfigError);
  for (const each of made) each.dispose();
});

it('weighs prioritized samples, and tells replay how far off they were', () => {
  scope(() => {
    const judged: number[][] = [];
    const replay = new PrioritizedReplayBuffer({
      capacity: 20,
      ...spaces,
      rng: new RandomStream(0),
      normalize: false,
      beta: 1,
    });
    const setErrors = replay.setErrors.bind(replay);
    replay.setErrors = (errors) => {
      judged.push(Array.from(errors));
      setErrors(errors);
    };
    using agent = new DQN({ ...options, explorer: new Script([...actions, 1]), replay, updateInterval: 1 });
    take(agent);
    // All three have the priority 1 at first, so each weight is 1.
    const errors = steps.map(([s, a, r, n, ended]) => Math.abs(Q[s][a] - (r + D(ended) * max(Q[n]))));
    expect(agent.statistics()['loss']! * 100).toBeCloseTo(
      errors.reduce((sum, d) => sum + huber(d) / 3, 0),
      5,
    );
    expect(judged[0]!.toSorted().map((d) => d.toFixed(4))).toEqual(errors.toSorted().map((d) => d.toFixed(4)));
    agent.act([0]);
    agent.observe([{ reward: 1, next: 1, terminated: true, truncated: false }]);
    expect(judged.length).toBe(2);
  });
});
