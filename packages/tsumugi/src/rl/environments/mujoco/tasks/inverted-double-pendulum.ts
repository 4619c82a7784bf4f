// InvertedDoublePendulum: balance two poles, one on the other, on a cart. Reward 10 − 0.01 x² − (y − 2)² − 1e-3 v₁² − 5e-3 v₂²
// of the tip's place and the hinges' speeds.

import type { Range } from '../../settings.ts';
import { defineTask } from '../definition.ts';
import { clip, putClipped, scatterNormal } from './parts.ts';

const bounds: Range = [-10, 10];

export const invertedDoublePendulum = defineTask({
  name: 'InvertedDoublePendulum',
  models: { 4: 'inverted_double_pendulum.xml', 5: 'inverted_double_pendulum.xml' },
  frameSkip: 5,
  maxSteps: 1000,
  settings: { healthyReward: 10, resetNoiseScale: 0.1 },
  view: { from: 'side', width: 4, centre: [0, 0.6] },
  make(simulation, settings, version) {
    // Version 5 leaves out the constraint forces of the hinges, which are always 0.
    const forces = version === 5 ? 1 : 3;
    const size = 8 + forces;
    return {
      size,
      memory: new Float64Array(0),
      remember() {},
      scatter: scatterNormal(settings.resetNoiseScale),
      observe() {
        const { qpos, qvel, qfrcConstraint } = simulation;
        const [x, first, second] = qpos as unknown as [number, number, number];
        const observation = new Float64Array(size);
        observation.set([x, Math.sin(first), Math.sin(second), Math.cos(first), Math.cos(second)]);
        const at = putClipped(observation, 5, qvel, bounds);
        for (let i = 0; i < forces; i++) observation[at + i] = clip(qfrcConstraint[i]!, bounds);
        return observation;
      },
      judge() {
        const [x, , y] = simulation.siteXpos as unknown as [number, number, number];
        const [, v1, v2] = simulation.qvel as unknown as [number, number, number];
        const terminated = y <= 1;
        const distance = 0.01 * x ** 2 + (y - 2) ** 2;
        const velocity = 1e-3 * v1 ** 2 + 5e-3 * v2 ** 2;
        // Version 4 pays for the last step, on which they fall, as well.
        const survive = terminated && version === 5 ? 0 : settings.healthyReward;
        const info =
          version === 4 ? {} : { reward_survive: survive, distance_penalty: -distance, velocity_penalty: -velocity };
        return { reward: survive - distance - velocity, terminated, info };
      },
    };
  },
});
