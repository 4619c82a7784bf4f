// Swimmer: three links, forward in a viscous fluid, seen from above. Coulom 2002; reward Δx/dt − 1e-4 ‖a‖².
import { defineTask } from '../definition.ts';
import { put, scatterUniform, sumOfSquares } from './parts.ts';

export const swimmer = defineTask({
  name: 'Swimmer',
  models: { 4: 'swimmer.xml', 5: 'swimmer.xml' },
  frameSkip: 4,
  maxSteps: 1000,
  settings: {
    forwardRewardWeight: 1,
    ctrlCostWeight: 1e-4,
    resetNoiseScale: 0.1,
    excludeCurrentPositionsFromObservation: true,
  },
  view: { from: 'above', width: 6, centre: [0, 0], follow: 'torso' },
  make(simulation, settings, version) {
    const skipped = settings.excludeCurrentPositionsFromObservation ? 2 : 0;
    const { nq, nv } = simulation;
    const size = nq - skipped + nv;
    const memory = new Float64Array(2);
    const place = () => {
      const [x, y] = simulation.qpos as unknown as [number, number];
      return { x_position: x, y_position: y, distance_from_origin: Math.hypot(x, y) };
    };
    return {
      size,
      memory,
      remember() {
        memory[0] = simulation.qpos[0]!;
        memory[1] = simulation.qpos[1]!;
      },
      scatter: scatterUniform(settings.resetNoiseScale),
      observe() {
        const observation = new Float64Array(size);
        put(observation, put(observation, 0, simulation.qpos, skipped), simulation.qvel);
        return observation;
      },
      judge(action) {
        const here = place();
        const velocity = (here.x_position - memory[0]!) / simulation.dt;
        const yVelocity = (here.y_position - memory[1]!) / simulation.dt;
        const forward = settings.forwardRewardWeight * velocity;
        const cost = settings.ctrlCostWeight * sumOfSquares(action);
        const moved = { ...here, x_velocity: velocity, y_velocity: yVelocity, reward_ctrl: -cost };
        const info =
          version === 4
            ? { ...moved, reward_fwd: forward, forward_reward: forward }
            : { ...moved, reward_forward: forward };
        return { reward: forward - cost, terminated: false, info };
      },
      startInfo: () => (version === 4 ? {} : place()),
    };
  },
});
