// MuJoCo tasks against Gymnasium's trajectories, their settings and states, and what holds WebAssembly's memory.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { golden } from '../../../../../../tests/files.ts';
import type { MujocoEnvironment } from './environment.ts';
import { family } from './family.ts';
import { loadMujoco } from './package.ts';
import { Simulation } from './simulation.ts';

interface Trajectory {
  observation: [number];
  action: { low: number[]; high: number[] };
  dt: number;
  start: { qpos: number[]; qvel: number[]; observation: number[] };
  steps: { action: number[]; observation: number[]; reward: number; terminated: boolean }[];
}

const { tasks } = JSON.parse(readFileSync(golden('mujoco/trajectories.json'), 'utf8')) as {
  tasks: Record<string, Trajectory>;
};
const ids = Object.keys(family);
const make = async (id: string, options = {}) => (await family[id]!.make(options)) as MujocoEnvironment;

// One of each, for all tests: making one takes longer than its steps.
const environments = new Map<string, MujocoEnvironment>();
beforeAll(async () => {
  for (const id of ids) environments.set(id, await make(id));
});
afterAll(() => {
  for (const environment of environments.values()) environment[Symbol.dispose]();
});

/** The largest difference of two arrays; Infinity when they differ in length. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)));
}

const bytes = (values: Float64Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');

/** What comes of the actions of a trajectory, bit for bit. */
const run = (environment: MujocoEnvironment, actions: readonly number[][]) =>
  actions.map((action) => {
    const { observation, reward, terminated } = environment.step(action);
    return `${bytes(observation)} ${bytes(Float64Array.of(reward))} ${terminated}`;
  });

it('has every task of the golden file, and only those', () => {
  expect([...ids].sort()).toEqual(Object.keys(tasks).sort());
});

it('has the time limits of Gymnasium', () => {
  const limits = Object.fromEntries(Object.entries(family).map(([id, { maxSteps }]) => [id, maxSteps]));
  const { 'Reacher-v4': reacher4, 'Reacher-v5': reacher5, 'Pusher-v5': pusher, ...others } = limits;
  expect([reacher4, reacher5, pusher]).toEqual([50, 50, 100]);
  expect(new Set(Object.values(others))).toEqual(new Set([1000]));
});

describe.each(ids)('%s', (id) => {
  const { start, steps, observation, action } = tasks[id]!;

  it('has the spaces', () => {
    const { observationSpace, actionSpace } = environments.get(id)!;
    expect(observationSpace).toMatchObject({ kind: 'Box', shape: observation, dtype: 'float64' });
    expect(actionSpace).toMatchObject({ kind: 'Box', dtype: 'float32' });
    expect([...actionSpace.low]).toEqual(action.low);
    expect([...actionSpace.high]).toEqual(action.high);
  });

  it('begins as Gymnasium does from the same seed', () => {
    expect(apart(environments.get(id)!.reset({ seed: 0 }).observation, start.observation)).toBeLessThan(1e-12);
  });

  it('goes on from a state as Gymnasium does, at every step', () => {
    const environment = environments.get(id)!;
    expect(apart(environment.setState(start), start.observation)).toBeLessThan(1e-12);
    for (const [k, step] of steps.entries()) {
      const result = environment.step(step.action);
      // HalfCheetah magnifies differences of rounding, in its speeds first: see below.
      const positions = result.observation.length - start.qvel.length;
      const magnified = id.startsWith('HalfCheetah') && k > 45;
      const apartFrom = (from: number) => apart(result.observation.slice(from), step.observation.slice(from));
      expect(apart(result.observation.slice(0, positions), step.observation.slice(0, positions))).toBeLessThan(1e-6);
      expect(apartFrom(positions)).toBeLessThan(magnified ? 1e-5 : 1e-6);
      expect(Math.abs(result.reward - step.reward)).toBeLessThan(1e-6);
      expect(result.terminated).toBe(step.terminated);
      expect(result.truncated).toBe(false);
    }
  });

  it('goes on from a snapshot bit for bit, in another environment as well', async () => {
    const environment = environments.get(id)!;
    environment.reset({ seed: 7 });
    const actions = steps.map((step) => step.action).slice(0, 8);
    const [first, later] = [actions.slice(0, 4), actions.slice(4)];
    run(environment, first);
    const snapshot = JSON.parse(JSON.stringify(environment.snapshot())) as unknown;
    // The end of the episode may come, so what follows is of the steps that there are, and of the next episode.
    const follow = (of: MujocoEnvironment) => [...run(of, later), bytes(of.reset().observation)];
    const expected = follow(environment);
    using other = await make(id);
    other.restore(snapshot);
    expect(follow(other)).toEqual(expected);
    environment.restore(snapshot);
    expect(follow(environment)).toEqual(expected);
  });
});

it('HalfCheetah magnifies a difference of one rounding to more than 1e-6 within 60 steps', async () => {
  // The builds of MuJoCo for WebAssembly and for Python round differently. This is what that comes to.
  const environment = environments.get('HalfCheetah-v5')!;
  using moved = await make('HalfCheetah-v5');
  const { start, steps } = tasks['HalfCheetah-v5']!;
  environment.setState(start);
  moved.setState({ ...start, qpos: start.qpos.map((x, i) => (i === 3 ? x + 1e-15 : x)) });
  const differences = steps.map(({ action }) =>
    apart(environment.step(action).observation, moved.step(action).observation),
  );
  expect(Math.max(...differences.slice(0, 10))).toBeLessThan(1e-11);
  expect(Math.max(...differences.slice(45))).toBeGreaterThan(7.3e-6);
});

it.each(['HalfCheetah-v5', 'Reacher-v5'])('%s draws itself, and differently after some steps', (id) => {
  const environment = environments.get(id)!;
  environment.reset({ seed: 0 });
  const { width, height, data } = environment.render();
  expect(data.length).toBe(width * height * 3);
  const colours = new Set(Array.from({ length: width * height }, (_, i) => data[3 * i]));
  expect(colours.size).toBeGreaterThan(20);
  run(environment, tasks[id]!.steps.map(({ action }) => action).slice(0, 5));
  expect(environment.render().data).not.toEqual(data);
});

describe('observations and infos', () => {
  it('are the receiver’s', () => {
    const environment = environments.get('Hopper-v5')!;
    const { observation } = environment.reset({ seed: 1 });
    const copy = observation.slice();
    environment.step([1, 1, 1]);
    expect(observation).toEqual(copy);
  });

  it.each([
    [
      'Ant-v5',
      'distance_from_origin reward_contact reward_ctrl reward_forward reward_survive x_position x_velocity y_position y_velocity',
    ],
    [
      'Ant-v4',
      'distance_from_origin forward_reward reward_ctrl reward_forward reward_survive x_position x_velocity y_position y_velocity',
    ],
    ['HalfCheetah-v5', 'reward_ctrl reward_forward x_position x_velocity'],
    ['HalfCheetah-v4', 'reward_ctrl reward_run x_position x_velocity'],
    ['Hopper-v5', 'reward_ctrl reward_forward reward_survive x_position x_velocity z_distance_from_origin'],
    ['Walker2d-v4', 'x_position x_velocity'],
    [
      'Humanoid-v5',
      'distance_from_origin reward_contact reward_ctrl reward_forward reward_survive tendon_length tendon_velocity x_position x_velocity y_position y_velocity',
    ],
    ['Pusher-v5', 'reward_ctrl reward_dist reward_near'],
  ])('%s tells the parts of the reward, which add up', (id, names) => {
    const environment = environments.get(id)!;
    environment.reset({ seed: 3 });
    const { info, reward } = environment.step(tasks[id]!.steps[0]!.action);
    expect(Object.keys(info).sort().join(' ')).toBe(names);
    const parts = Object.entries(info).filter(([name]) => name.startsWith('reward_'));
    if (id !== 'Walker2d-v4')
      expect(parts.reduce((sum, [, part]) => sum + (part as number), 0)).toBeCloseTo(reward, 10);
  });

  it('tell at reset where it begins, in version 5', () => {
    const environment = environments.get('Ant-v5')!;
    const { info } = environment.reset({ seed: 3 });
    expect(Object.keys(info)).toEqual(['x_position', 'y_position', 'distance_from_origin']);
    expect(environments.get('Ant-v4')!.reset({ seed: 3 }).info).toEqual({});
  });
});

describe('versions', () => {
  it('4 pays for the step that falls, 5 does not', () => {
    const last = (id: string) => tasks[id]!.steps.at(-1)!.reward;
    for (const [task, paid] of [
      ['Hopper', 1],
      ['Humanoid', 5],
      ['InvertedPendulum', 1],
      ['InvertedDoublePendulum', 10],
    ] as const)
      expect(last(`${task}-v4`) - last(`${task}-v5`)).toBeCloseTo(paid, 1);
  });
});

describe('settings', () => {
  /** Observations and rewards of some steps, with these settings. */
  async function trace(id: string, settings: Record<string, unknown>): Promise<string> {
    using environment = await make(id, settings);
    const { observation } = environment.reset({ seed: 5 });
    const seen = [bytes(observation)];
    for (const { action } of tasks[id]!.steps) {
      const result = environment.step(action);
      seen.push(`${bytes(result.observation)} ${result.reward} ${result.terminated}`);
      if (result.terminated) break;
    }
    return seen.join('\n');
  }
  const cases: Record<string, Record<string, unknown>> = {
    'HalfCheetah-v5': {
      forwardRewardWeight: 2,
      ctrlCostWeight: 1,
      resetNoiseScale: 0,
      excludeCurrentPositionsFromObservation: false,
    },
    'Hopper-v5': {
      forwardRewardWeight: 2,
      ctrlCostWeight: 1,
      healthyReward: 3,
      terminateWhenUnhealthy: false,
      healthyStateRange: [-1, 1],
      healthyZRange: [1.24, 2],
      healthyAngleRange: [-0.01, 0.01],
      resetNoiseScale: 0,
      excludeCurrentPositionsFromObservation: false,
    },
    'Walker2d-v5': {
      forwardRewardWeight: 2,
      ctrlCostWeight: 1,
      healthyReward: 3,
      terminateWhenUnhealthy: false,
      healthyZRange: [1.24, 2],
      healthyAngleRange: [-0.01, 0.01],
      resetNoiseScale: 0,
      excludeCurrentPositionsFromObservation: false,
    },
    'Swimmer-v5': {
      forwardRewardWeight: 2,
      ctrlCostWeight: 1,
      resetNoiseScale: 0,
      excludeCurrentPositionsFromObservation: false,
    },
    'Ant-v5': {
      forwardRewardWeight: 2,
      ctrlCostWeight: 1,
      contactCostWeight: 1,
      healthyReward: 3,
      healthyZRange: [0.7, 1],
      contactForceRange: [-0.1, 0.1],
      resetNoiseScale: 0,
      excludeCurrentPositionsFromObservation: false,
      includeCfrcExtInObservation: false,
    },
    'Ant-v4': { useContactForces: true },
    'Humanoid-v5': {
      forwardRewardWeight: 2,
      ctrlCostWeight: 1,
      contactCostWeight: 1e-3,
      contactCostRange: [0.1, 10],
      healthyReward: 3,
      terminateWhenUnhealthy: false,
      healthyZRange: [1.3, 2],
      resetNoiseScale: 0,
      excludeCurrentPositionsFromObservation: false,
      includeCinertInObservation: false,
      includeCvelInObservation: false,
      includeQfrcActuatorInObservation: false,
      includeCfrcExtInObservation: false,
    },
    'HumanoidStandup-v5': {
      uphCostWeight: 2,
      ctrlCostWeight: 1,
      impactCostWeight: 1,
      impactCostRange: [0.1, 0.2],
      resetNoiseScale: 0,
      excludeCurrentPositionsFromObservation: false,
      includeCinertInObservation: false,
      includeCvelInObservation: false,
      includeQfrcActuatorInObservation: false,
      includeCfrcExtInObservation: false,
    },
    'InvertedPendulum-v5': { resetNoiseScale: 0 },
    'InvertedDoublePendulum-v5': { healthyReward: 3, resetNoiseScale: 0 },
    'Reacher-v5': { rewardDistWeight: 2, rewardControlWeight: 2 },
    'Pusher-v5': { rewardNearWeight: 2, rewardDistWeight: 2, rewardControlWeight: 2 },
  };

  it.each(Object.entries(cases))('of %s each change something', async (id, settings) => {
    const plain = await trace(id, {});
    expect(await trace(id, {})).toBe(plain);
    const changed = Object.entries(settings).map(async ([name, value]) => [
      name,
      (await trace(id, { [name]: value })) !== plain,
    ]);
    expect(await Promise.all(changed)).toEqual(Object.keys(settings).map((name) => [name, true]));
  });

  it('that nobody reads are refused, as are values of another kind', async () => {
    const refused = (id: string, settings: Record<string, unknown>) => make(id, settings);
    await expect(refused('Hopper-v5', { healthyrange: 1 })).rejects.toThrow(
      'Hopper-v5: there is no option "healthyrange"',
    );
    await expect(refused('Ant-v5', { useContactForces: true })).rejects.toMatchObject({ code: 'unknown-option' });
    await expect(refused('Hopper-v5', { healthyReward: Number.NaN })).rejects.toThrow(
      'Hopper-v5: healthyReward must be a finite number, got NaN',
    );
    await expect(refused('Hopper-v5', { healthyZRange: [2, 1] })).rejects.toThrow(
      'Hopper-v5: healthyZRange must be a pair [low, high] with low < high, got an array',
    );
    await expect(refused('Hopper-v5', { terminateWhenUnhealthy: 1 })).rejects.toThrow('must be true or false, got 1');
  });
});

describe('what a user may do wrong', () => {
  const hopper = () => environments.get('Hopper-v5')!;

  it('a state of another size', () => {
    expect(() => hopper().setState({ qpos: [0, 0], qvel: 3 })).toThrow(
      'Hopper-v5: a state is { qpos: 6 finite numbers, qvel: 6 finite numbers }, got { qpos: 2 elements, qvel: number 3 }',
    );
    expect(() => hopper().setState([1, 2])).toThrow('got an array');
    expect(() => hopper().setState({ qpos: Array(6).fill(Number.NaN), qvel: Array(6).fill(0) })).toThrow(
      '6 finite numbers',
    );
  });

  it('a snapshot of another task, or none', () => {
    const other = environments.get('Swimmer-v5')!;
    other.reset({ seed: 1 });
    expect(() => hopper().restore(other.snapshot())).toThrow('what is restored is a snapshot of Hopper-v5');
    expect(() => hopper().restore({ ...(hopper().snapshot() as object), state: {} })).toThrow('snapshot of Hopper-v5');
  });

  it('options of reset, of which there are none', () => {
    expect(() => hopper().reset({ options: { noise: 0 } })).toThrow('Hopper-v5: reset: there is no option "noise"');
  });

  it('an action of another size, or a step before the first reset', async () => {
    hopper().reset({ seed: 1 });
    expect(() => hopper().step([1])).toThrow(expect.objectContaining({ code: 'bad-action' }));
    using fresh = await make('Hopper-v5');
    expect(() => fresh.step([0, 0, 0])).toThrow(expect.objectContaining({ code: 'needs-reset' }));
  });
});

describe('memory', () => {
  it('may grow in between: what looks into it is taken again', async () => {
    const environment = environments.get('HalfCheetah-v5')!;
    const mujoco = await loadMujoco();
    const actions = tasks['HalfCheetah-v5']!.steps.map(({ action }) => action).slice(0, 9);
    environment.reset({ seed: 2 });
    const undisturbed = [...run(environment, actions), bytes(environment.reset().observation)];

    const probe = new Simulation(mujoco, 'humanoid.xml', 5);
    environment.reset({ seed: 2 });
    const held: Simulation[] = [];
    const grow = () => {
      probe.refresh();
      const { qpos } = probe;
      while (qpos.length > 0) held.push(new Simulation(mujoco, 'humanoid.xml', 5));
    };
    const disturbed = actions.flatMap((action, i) => {
      if (i === 0 || i === 4) grow();
      return run(environment, [action]);
    });
    grow();
    environment.render();
    grow();
    expect([...disturbed, bytes(environment.reset().observation)]).toEqual(undisturbed);
    for (const simulation of [...held, probe]) simulation[Symbol.dispose]();
  });

  it('is given back', async () => {
    const mujoco = await loadMujoco();
    const sizes = Array.from({ length: 60 }, () => {
      using simulation = new Simulation(mujoco, 'humanoid.xml', 5);
      return simulation.qpos.buffer.byteLength;
    });
    expect(sizes.at(-1)).toBe(sizes[2]);
  });
});
