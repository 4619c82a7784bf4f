// HalfCheetah: run forward in a plane. Wawrzyński 2009; reward Δx/dt − 0.1 ‖a‖².
import { defineTask } from '../definition.ts';
import { put, scatterNormal, sumOfSquares } from './parts.ts';

export const halfCheetah = defineTask({
  name: 'HalfCheetah',
  models: { 4: 'half_cheetah.xml', 5: 'half_cheetah.xml' },
  frameSkip: 5,
  maxSteps: 1000,
  settings: {
    forwardRewardWeight: 1,
    ctrlCostWeight: 0.1,
    resetNoiseScale: 0.1,
    excludeCurrentPositionsFromObservation: true,
  },
  view: { from: 'side', width: 3, centre: [0, 0.6], follow: 'torso' },
  make(simulation, settings, version) {
    const skipped = settings.excludeCurrentPositionsFromObservation ? 1 : 0;
    const { nq, nv } = simulation;
    const size = nq - skipped + nv;
    const memory = new Float64Array(1);
    const forward = version === 4 ? 'reward_run' : 'reward_forward';
    return {
      size,
      memory,
      remember() {
        memory[0] = simulation.qpos[0]!;
      },
      scatter: scatterNormal(settings.resetNoiseScale),
      observe() {
        const observation = new Float64Array(size);
        put(observation, put(observation, 0, simulation.qpos, skipped), simulation.qvel);
        return observation;
      },
      judge(action) {
        const x = simulation.qpos[0]!;
        const velocity = (x - memory[0]!) / simulation.dt;
        const forwardReward = settings.forwardRewardWeight * velocity;
        const cost = settings.ctrlCostWeight * sumOfSquares(action);
        const info = { x_position: x, x_velocity: velocity, [forward]: forwardReward, reward_ctrl: -cost };
        return { reward: forwardReward - cost, terminated: false, info };
      },
      startInfo: () => (version === 4 ? {} : { x_position: simulation.qpos[0]! }),
    };
  },
});
