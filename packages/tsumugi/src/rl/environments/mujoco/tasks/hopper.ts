// Hopper: one leg, forward in a plane without falling. Erez, Tassa & Todorov 2011; reward Δx/dt + 1 − 0.001 ‖a‖².

import type { Range } from '../../settings.ts';
import { defineTask } from '../definition.ts';
import { isWithin, put, putClipped, scatterUniform, sumOfSquares } from './parts.ts';

const speeds: Range = [-10, 10];

export const hopper = defineTask({
  name: 'Hopper',
  models: { 4: 'hopper.xml', 5: 'hopper.xml' },
  frameSkip: 4,
  maxSteps: 1000,
  settings: {
    forwardRewardWeight: 1,
    ctrlCostWeight: 1e-3,
    healthyReward: 1,
    terminateWhenUnhealthy: true,
    healthyStateRange: [-100, 100] as Range,
    healthyZRange: [0.7, Number.POSITIVE_INFINITY] as Range,
    healthyAngleRange: [-0.2, 0.2] as Range,
    resetNoiseScale: 5e-3,
    excludeCurrentPositionsFromObservation: true,
  },
  view: { from: 'side', width: 3, centre: [0, 0.9], follow: 'torso' },
  make(simulation, settings, version) {
    const skipped = settings.excludeCurrentPositionsFromObservation ? 1 : 0;
    const { nq, nv } = simulation;
    const size = nq - skipped + nv;
    const memory = new Float64Array(1);
    const z0 = simulation.startQpos[1]!;
    const isHealthy = () => {
      const { qpos, qvel } = simulation;
      for (let i = 2; i < nq; i++) if (!isWithin(qpos[i]!, settings.healthyStateRange)) return false;
      for (let i = 0; i < nv; i++) if (!isWithin(qvel[i]!, settings.healthyStateRange)) return false;
      return isWithin(qpos[1]!, settings.healthyZRange) && isWithin(qpos[2]!, settings.healthyAngleRange);
    };
    return {
      size,
      memory,
      remember() {
        memory[0] = simulation.qpos[0]!;
      },
      scatter: scatterUniform(settings.resetNoiseScale),
      observe() {
        const observation = new Float64Array(size);
        putClipped(observation, put(observation, 0, simulation.qpos, skipped), simulation.qvel, speeds);
        return observation;
      },
      judge(action) {
        const x = simulation.qpos[0]!;
        const velocity = (x - memory[0]!) / simulation.dt;
        const healthy = isHealthy();
        // Version 4 pays for the last step, on which it falls, as well.
        const paid = healthy || (version === 4 && settings.terminateWhenUnhealthy);
        const survive = paid ? settings.healthyReward : 0;
        const forward = settings.forwardRewardWeight * velocity;
        const cost = settings.ctrlCostWeight * sumOfSquares(action);
        const place = { x_position: x, x_velocity: velocity };
        const info =
          version === 4
            ? place
            : {
                ...place,
                z_distance_from_origin: simulation.qpos[1]! - z0,
                reward_forward: forward,
                reward_ctrl: -cost,
                reward_survive: survive,
              };
        return { reward: forward + survive - cost, terminated: !healthy && settings.terminateWhenUnhealthy, info };
      },
      startInfo: () =>
        version === 4 ? {} : { x_position: simulation.qpos[0]!, z_distance_from_origin: simulation.qpos[1]! - z0 },
    };
  },
});
