// Step for step as Gymnasium: what version 1.3.0 gave for fixed actions (tests/golden/gymnasium).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../../tests/files.ts';
import { NumpyRandom } from '../../random/numpy-random.ts';
import { makeEnvironment } from '../../registry.ts';

interface Episode {
  start_state: number[];
  first_observation: number[];
  steps: [number | number[], number[], number, boolean][];
}
const classic = JSON.parse(readFileSync(golden('gymnasium/classic.json'), 'utf8')) as Record<
  string,
  { episodes: Episode[] }
>;

const elements = (observation: unknown) => [...(observation as Float32Array)];

describe.each(Object.keys(classic).filter((id) => classic[id]!.episodes))('%s', (id) => {
  it.each([0, 1, 2, 3])('gives the episode of Gymnasium with seed %i', async (seed) => {
    const { first_observation, steps } = classic[id]!.episodes[seed]!;
    using environment = await makeEnvironment(id);
    expect(elements(environment.reset({ seed }).observation)).toEqual(first_observation);
    for (const [i, [action, observation, reward, terminated]] of steps.entries()) {
      const came = environment.step(action);
      expect(elements(came.observation), `step ${i}`).toEqual(observation);
      // NumPy's sine and Math.sin are both a last place off here and there, and an unstable pendulum lets that grow.
      expect(Math.abs(came.reward - reward), `reward of step ${i}`).toBeLessThanOrEqual(1e-12 * Math.abs(reward));
      expect(came.terminated, `step ${i}`).toBe(terminated);
    }
  });

  it('gives the same episode from its start state', async () => {
    const { start_state, first_observation, steps } = classic[id]!.episodes[1]!;
    using environment = await makeEnvironment(id);
    expect(elements(environment.setState!(start_state))).toEqual(first_observation);
    for (const [action, observation] of steps)
      expect(elements(environment.step(action).observation)).toEqual(observation);
  });
});

describe('options', () => {
  const begun = async (id: string, options: Record<string, unknown>) => {
    using environment = await makeEnvironment(id);
    return elements(environment.reset({ seed: 0, options }).observation);
  };

  it('of reset say where an episode begins', async () => {
    expect(await begun('CartPole-v1', { low: 0.5, high: 0.5 })).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(await begun('MountainCar-v0', { low: 0.25, high: 0.25 })).toEqual([0.25, 0]);
    expect(await begun('MountainCarContinuous-v0', { low: 0.25, high: 0.25 })).toEqual([0.25, 0]);
    expect(await begun('Acrobot-v1', { low: 0, high: 0 })).toEqual([1, 0, 1, 0, 0, 0]);
    expect(await begun('Pendulum-v1', { x_init: 0, y_init: 0 })).toEqual([1, 0, 0]);
    await expect(begun('CartPole-v1', { low: 1, high: 0 })).rejects.toThrow(/low at most high/);
    await expect(begun('CartPole-v1', { lo: 1 })).rejects.toThrow(/no option "lo"/);
    await expect(begun('CartPole-v1', { high: Infinity })).rejects.toThrow(/low at most high/);
    for (const name of ['x_init', 'y_init'])
      await expect(begun('Pendulum-v1', { [name]: 'π' }), name).rejects.toThrow(/are numbers/);
    await expect(makeEnvironment('Acrobot-v1', { gravity: 9 })).rejects.toThrow(/no option "gravity"/);
  });

  it('change rewards, gravity and what counts as the goal', async () => {
    using cartPole = await makeEnvironment('CartPole-v1', { suttonBartoReward: true });
    cartPole.setState!([2.39, 0, 0, 0]);
    expect(cartPole.step(1)).toMatchObject({ reward: 0, terminated: false });
    cartPole.setState!([2.39, 1, 0, 0]);
    expect(cartPole.step(1)).toMatchObject({ reward: -1, terminated: true });
    using light = await makeEnvironment('Pendulum-v1', { gravity: 0 });
    light.setState!([1, 0]);
    expect(elements(light.step([0]).observation)[2]).toBe(0);
    for (const [id, action] of [
      ['MountainCar-v0', 2],
      ['MountainCarContinuous-v0', [1]],
    ] as const)
      for (const [goalVelocity, terminated] of [
        [0, true],
        [0.05, false],
      ] as const) {
        using car = await makeEnvironment(id, { goalVelocity });
        car.setState!([0.49, 0.03]);
        expect(car.step(action).terminated, `${id} ${goalVelocity}`).toBe(terminated);
      }
  });
});

/** States where something is clipped, and what Gymnasium gives after the step. */
const clipped: readonly [id: string, state: number[], action: number | number[], wanted: number[]][] = [
  [
    'Acrobot-v1',
    [0.5, 1, 12, 28],
    2,
    [
      0.8583031296730042, -0.5131430625915527, -0.05126214399933815, 0.9986852407455444, -12.566370964050293,
      28.274333953857422,
    ],
  ],
  [
    'Acrobot-v1',
    [-3, -3, -12, -28],
    0,
    [
      0.35787174105644226, -0.9337707757949829, -0.5569282174110413, -0.8305606245994568, 12.566370964050293,
      -28.236337661743164,
    ],
  ],
  ['MountainCar-v0', [-1.19, -0.06], 0, [-1.2000000476837158, 0]],
  ['MountainCar-v0', [-1, 0.069], 2, [-0.9300000071525574, 0.07000000029802322]],
  ['MountainCar-v0', [0.58, 0.07], 2, [0.6000000238418579, 0.07000000029802322]],
  ['MountainCarContinuous-v0', [-1.19, -0.06], [-1], [-1.2000000476837158, 0]],
  ['MountainCarContinuous-v0', [-0.5, -0.0695], [-1], [-0.5699999928474426, -0.07000000029802322]],
  ['Pendulum-v1', [-9, -7.9], [-2], [-0.9996930360794067, -0.024775424972176552, -8]],
];

it.each(clipped)('%s at %j is clipped as in Gymnasium', async (id, state, action, wanted) => {
  using environment = await makeEnvironment(id);
  environment.setState!(state);
  const { observation } = environment.step(action);
  expect(elements(observation)).toEqual(wanted);
  expect(environment.observationSpace.contains(observation)).toBe(true);
});

/** Where a task ends, and where it does not yet: the state, the action, the reward and whether it ends. */
const ends: readonly [id: string, state: number[], action: number | number[], reward: number, terminated: boolean][] = [
  ['CartPole-v1', [2.4, 0, 0, 0], 1, 1, false],
  ['CartPole-v1', [2.4, 0.01, 0, 0], 1, 1, true],
  ['CartPole-v1', [-2.4, -0.01, 0, 0], 1, 1, true],
  ['CartPole-v1', [0, 0, 0.21, 0], 1, 1, true],
  // The tip is as high as both links stand upright together; the second one's angle is relative to the first.
  ['Acrobot-v1', [Math.PI, 0, 0, 0], 1, 0, true],
  ['Acrobot-v1', [Math.PI, Math.PI, 0, 0], 1, -1, false],
  ['MountainCar-v0', [0.5, 0], 2, -1, true],
  ['MountainCar-v0', [0.498, 0], 2, -1, false],
  ['MountainCarContinuous-v0', [0.45, 0], [1], 99.9, true],
  ['MountainCarContinuous-v0', [0.448, 0], [0.5], -0.025, false],
];

it.each(ends)('%s at %j with action %j: reward %d, ended %s', async (id, state, action, reward, terminated) => {
  using environment = await makeEnvironment(id);
  environment.setState!(state);
  const came = environment.step(action);
  expect(came.reward).toBeCloseTo(reward, 12);
  expect(came.terminated).toBe(terminated);
});

it('a continuous mountain car begins with 64 bits, however it came there', async () => {
  using environment = await makeEnvironment('MountainCarContinuous-v0');
  using other = await makeEnvironment('MountainCarContinuous-v0');
  // With 32 bits each of these seeds would give another velocity.
  for (const seed of [0, 1, 2]) {
    environment.reset({ seed });
    const snapshot = environment.snapshot!();
    const wanted = elements(environment.step([0.3]).observation);
    other.restore!(snapshot);
    expect(elements(other.step([0.3]).observation)).toEqual(wanted);
    other.setState!([new NumpyRandom(seed).uniform(-0.6, -0.4), 0]);
    expect(elements(other.step([0.3]).observation)).toEqual(wanted);
  }
});
