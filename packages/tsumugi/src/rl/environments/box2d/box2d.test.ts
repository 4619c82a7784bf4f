// LunarLander and BipedalWalker: rewards by their formulas, ends, seeds, and that known controllers land and walk. There are no
// trajectories of Gymnasium's to compare with: its Box2D computes in float32, which these worlds magnify within some steps.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../base/index.ts';
import { thrown } from '../../../base/thrown.testing.ts';
import type { Environment, StepResult } from '../../environment.ts';
import { NumpyRandom } from '../../random/numpy-random.ts';
import { makeEnvironment } from '../../registry.ts';
import { land, Walk } from './controllers.testing.ts';
import { family } from './family.ts';
import { drawTerrain, LENGTH, START, STEP } from './terrain.ts';

const environments: Record<string, Environment> = {};
beforeAll(async () => {
  for (const [id, { make }] of Object.entries(family)) environments[id] = await make({});
});
afterAll(() => {
  for (const environment of Object.values(environments)) environment[Symbol.dispose]();
});

type Step = StepResult<Float32Array>;
const start = (id: string, seed: number) => environments[id]!.reset({ seed }).observation as Float32Array;
const step = (id: string, action: number | number[]) => environments[id]!.step(action) as Step;

it('are the four of Gymnasium, with its time limits', () => {
  const limits = Object.fromEntries(Object.entries(family).map(([id, { maxSteps }]) => [id, maxSteps]));
  expect(limits).toEqual({
    'LunarLander-v3': 1000,
    'LunarLanderContinuous-v3': 1000,
    'BipedalWalker-v3': 1600,
    'BipedalWalkerHardcore-v3': 2000,
  });
});

describe('LunarLander', () => {
  it('has the spaces', () => {
    const { observationSpace, actionSpace } = environments['LunarLander-v3']!;
    expect([String(actionSpace), String(environments['LunarLanderContinuous-v3']!.actionSpace)]).toEqual([
      'Discrete(4)',
      'Box(-1, 1, [2], float32)',
    ]);
    expect(observationSpace.shape).toEqual([8]);
    const edge = Math.fround(2 * Math.PI);
    expect(observationSpace.contains([2.5, -2.5, 10, -10, edge, -10, 0, 1])).toBe(true);
    expect(observationSpace.contains([0, 0, 0, 0, 0, 0, -1, 0])).toBe(false);
  });

  it('begins as Gymnasium does, whose page prints the observation of seed 42', () => {
    const printed = [0.00229702, 1.4181306, 0.2326471, 0.3204666, -0.00265488, -0.05269805, 0, 0];
    for (const [i, value] of start('LunarLander-v3', 42).entries()) expect(value).toBeCloseTo(printed[i]!, 6);
  });

  it('begins in the middle at the top, thrown by a random force', () => {
    const [a, b] = [start('LunarLander-v3', 1), start('LunarLander-v3', 2)];
    for (const [x, y, , , angle, , left, right] of [a, b] as unknown as number[][]) {
      expect(Math.abs(x!)).toBeLessThan(0.02);
      expect(y).toBeCloseTo(1.4, 1);
      expect(Math.abs(angle!)).toBeLessThan(0.02);
      expect([left, right]).toEqual([0, 0]);
    }
    expect(a).not.toEqual(b);
  });

  it('falls as fast as gravity says, but for its legs, which move out', () => {
    const [, , , before] = start('LunarLander-v3', 3);
    const [, , , after] = step('LunarLander-v3', 0).observation;
    // Speeds are scaled by half the height over the steps of a second.
    expect(after! - before!).toBeCloseTo((-10 / 50) * (400 / 30 / 2 / 50), 2);
  });

  it('rewards the gain of its potential, less the fuel', () => {
    const potential = ([x, y, dx, dy, angle, , left, right]: Float32Array) =>
      -100 * Math.hypot(x!, y!) - 100 * Math.hypot(dx!, dy!) - 100 * Math.abs(angle!) + 10 * (left! + right!);
    for (const [id, action, fuel] of [
      ['LunarLander-v3', 0, 0],
      ['LunarLander-v3', 1, 0.03],
      ['LunarLander-v3', 2, 0.3],
      ['LunarLander-v3', 3, 0.03],
      ['LunarLanderContinuous-v3', [0.5, 0], 0.3 * 0.75],
      ['LunarLanderContinuous-v3', [-0.5, -0.7], 0.03 * 0.7],
      ['LunarLanderContinuous-v3', [0, 0.4], 0],
      ['LunarLanderContinuous-v3', [5, 5], 0.33],
    ] as const) {
      const before = start(id, 4);
      const { observation, reward } = step(id, action as number);
      expect(reward).toBeCloseTo(potential(observation) - potential(before) - fuel, 3);
    }
  });

  it('pushes the way its engines say', () => {
    const change = (action: number) => {
      const before = start('LunarLander-v3', 5);
      const after = step('LunarLander-v3', action).observation;
      return [2, 3, 5].map((i) => after[i]! - before[i]!) as [number, number, number];
    };
    const [nothing, left, main, right] = [0, 1, 2, 3].map(change) as unknown as Record<0 | 1 | 2 | 3, number[]> &
      number[][];
    expect(main[1]!).toBeGreaterThan(nothing[1]! + 0.01);
    expect(left[2]!).toBeGreaterThan(nothing[2]! + 0.01);
    expect(right[2]!).toBeLessThan(nothing[2]! - 0.01);
  });

  it('ends with −100 when it crashes, and outside of the picture', () => {
    const fall = (id: string, action: number | number[]) => {
      start(id, 6);
      for (;;) {
        const result = step(id, action);
        if (result.terminated) return result;
      }
    };
    const crash = fall('LunarLander-v3', 0);
    expect(crash.reward).toBe(-100);
    expect(crash.observation[1]!).toBeLessThan(0.5);
    const gone = fall('LunarLanderContinuous-v3', [1, 1]);
    expect(gone.reward).toBe(-100);
  });

  it.each(['LunarLander-v3', 'LunarLanderContinuous-v3'])('%s is landed by the known controller', (id) => {
    const returns = Array.from({ length: 10 }, (_, seed) => {
      let observation = start(id, seed);
      let total = 0;
      for (let i = 0; i < 1000; i++) {
        const result = step(id, land(observation, id.includes('Continuous')));
        observation = result.observation;
        total += result.reward;
        if (!result.terminated) continue;
        expect(result.reward, 'comes to rest').toBe(100);
        break;
      }
      return total;
    });
    expect(returns.reduce((sum, total) => sum + total, 0) / 10).toBeGreaterThan(200);
  });

  it('takes gravity and wind as Gymnasium does', async () => {
    const speed = async (options: object, steps = 20) => {
      using environment = await makeEnvironment('LunarLander-v3', options as Record<string, unknown>);
      environment.reset({ seed: 8 });
      let observation = new Float32Array();
      for (let i = 0; i < steps; i++) observation = environment.step(0).observation as Float32Array as never;
      return [observation[2]!, observation[3]!, observation[5]!] as const;
    };
    const [plain, light] = [await speed({}), await speed({ gravity: -1 })];
    expect(light[1]).toBeGreaterThan(plain[1] + 0.3);
    const [wind, storm] = [await speed({ enableWind: true }), await speed({ enableWind: true, windPower: 20 })];
    const turbulent = await speed({ enableWind: true, turbulencePower: 0 });
    expect(new Set([plain[0], wind[0], storm[0]]).size).toBe(3);
    expect(turbulent[2]).not.toBe(wind[2]);
    await expect(makeEnvironment('LunarLander-v3', { gravity: 1 })).rejects.toThrow(
      'LunarLander-v3: gravity must lie between -12 and 0, got 1',
    );
    await expect(makeEnvironment('LunarLander-v3', { wind: 1 })).rejects.toThrow('there is no option "wind"');
  });
});

describe('BipedalWalker', () => {
  it('has the spaces', () => {
    const { observationSpace, actionSpace } = environments['BipedalWalker-v3']!;
    expect([observationSpace.shape, String(actionSpace)]).toEqual([[24], 'Box(-1, 1, [4], float32)']);
  });

  it('begins standing, with the ground under its lidar', () => {
    const observation = start('BipedalWalker-v3', 1);
    expect(Math.abs(observation[0]!)).toBeLessThan(0.02);
    const lidar = [0.44081, 0.44582, 0.46142, 0.48955, 0.5341, 0.60246, 0.70915, 0.88593, 1, 1];
    for (const [i, distance] of lidar.entries()) expect(observation[14 + i]).toBeCloseTo(distance, 4);
    // Both feet touch it; the legs stand a tenth apart, measured from where the hinges were put.
    expect([observation[8], observation[13]]).toEqual([1, 1]);
    expect(observation[4]! + observation[9]!).toBeCloseTo(0.125, 2);
  });

  it('rewards the way forward and an upright hull, less the torque', () => {
    start('BipedalWalker-v3', 2);
    const action = [0.2, -0.1, 0.25, 0];
    let before = new Float32Array();
    for (let i = 0; i < 10; i++) {
      const { observation, reward } = step('BipedalWalker-v3', action);
      // The speed after a step times its length is the way, but for what Box2D moves to mend its errors: most at the start.
      const way = observation[2]! / 0.3 / 20;
      const upright = Math.abs(before[0]!) - Math.abs(observation[0]!);
      if (i > 0) expect(reward).toBeCloseTo((130 / 30) * way + 5 * upright - 0.028 * 0.55, 2);
      before = observation as Float32Array<ArrayBuffer>;
    }
  });

  it('ends with −100 when it falls', () => {
    start('BipedalWalker-v3', 3);
    for (let i = 0; ; i++) {
      expect(i).toBeLessThan(400);
      const result = step('BipedalWalker-v3', [0, 1, 0, 1]);
      if (!result.terminated) continue;
      expect(result.reward).toBe(-100);
      break;
    }
  });

  it('walks by the known controller', () => {
    const ways = [0, 4].map((seed) => {
      let observation = start('BipedalWalker-v3', seed);
      const walk = new Walk();
      let way = 0;
      for (let i = 0; i < 300; i++) {
        const result = step('BipedalWalker-v3', walk.act(observation));
        observation = result.observation;
        way += observation[2]! / 0.3 / 20;
        if (result.terminated) break;
      }
      return way;
    });
    // It knows no balance: some fall soon, and few walk to the end.
    expect(Math.min(...ways)).toBeGreaterThan(5);
    expect(Math.max(...ways)).toBeGreaterThan(12);
  });

  it('takes no options', async () => {
    await expect(makeEnvironment('BipedalWalker-v3', { hardcore: true })).rejects.toThrow('no option "hardcore"');
  });
});

describe('the ground', () => {
  it('is flat at the start and uneven after it', () => {
    const { line, blocks } = drawTerrain(new NumpyRandom(0), false);
    expect([line.length, blocks.length]).toEqual([LENGTH, 0]);
    expect(new Set(line.slice(0, START).map(({ y }) => y)).size).toBe(1);
    const heights = line.slice(START + 1).map(({ y }) => y);
    expect(new Set(heights).size).toBeGreaterThan(100);
    for (const [i, y] of heights.entries()) if (i > 0) expect(Math.abs(y - heights[i - 1]!)).toBeLessThan(STEP / 2);
  });

  it('has stumps, stairs and pits in its hard form', () => {
    const kinds = new Set<string>();
    for (let seed = 0; seed < 4; seed++)
      for (const [a, , c] of drawTerrain(new NumpyRandom(seed), true).blocks as unknown as {
        x: number;
        y: number;
      }[][]) {
        const [wide, high] = [Math.round((c!.x - a!.x) / STEP), Math.round((a!.y - c!.y) / STEP)];
        kinds.add(high === 4 ? 'pit' : wide === 4 ? 'stairs' : `stump ${wide} ${high}`);
      }
    expect([...kinds].sort()).toEqual(['pit', 'stairs', 'stump 1 1', 'stump 2 2']);
  });
});

it('refuses options of reset, of which there are none', () => {
  const reset = () => environments['LunarLander-v3']!.reset({ options: { metadata: {} } });
  expect(reset).toThrow('LunarLander-v3: reset: there is no option "metadata"');
});

it('refuses a snapshot of another kind', () => {
  start('LunarLander-v3', 1);
  const { restore, snapshot } = environments['LunarLander-v3']!;
  const saved = snapshot!.call(environments['LunarLander-v3']) as object;
  expect(() => restore!.call(environments['BipedalWalker-v3'], saved)).toThrow('a snapshot of BipedalWalker-v3');
  const broken = { ...saved, state: { actions: 3 } };
  expect(thrown(UserError, () => restore!.call(environments['LunarLander-v3'], broken)).code).toBe('bad-snapshot');
});
