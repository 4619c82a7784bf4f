// InvertedPendulum: balance a pole on a cart. Barto, Sutton & Anderson 1983 in continuous form; reward 1 while |angle| ≤ 0.2.
import { defineTask } from '../definition.ts';
import { put, scatterUniform } from './parts.ts';

export const invertedPendulum = defineTask({
  name: 'InvertedPendulum',
  models: { 4: 'inverted_pendulum.xml', 5: 'inverted_pendulum.xml' },
  frameSkip: 2,
  maxSteps: 1000,
  settings: { resetNoiseScale: 0.01 },
  view: { from: 'side', width: 3, centre: [0, 0.2] },
  make(simulation, settings, version) {
    const size = simulation.nq + simulation.nv;
    const observe = () => {
      const observation = new Float64Array(size);
      put(observation, put(observation, 0, simulation.qpos), simulation.qvel);
      return observation;
    };
    return {
      size,
      memory: new Float64Array(0),
      remember() {},
      scatter: scatterUniform(settings.resetNoiseScale),
      observe,
      judge() {
        const state = observe();
        const terminated = !state.every(Number.isFinite) || Math.abs(state[1]!) > 0.2;
        // Version 4 pays for the last step, on which the pole falls, as well.
        const reward = terminated && version === 5 ? 0 : 1;
        return { reward, terminated, info: version === 4 ? {} : { reward_survive: reward } };
      },
    };
  },
});
