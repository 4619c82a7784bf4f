// Humanoid: walk forward in space. Tassa, Erez & Todorov 2012; reward 1.25 Δx/dt of the centre of mass + 5 − 0.1 ‖control‖²
// and, in version 5, − 5e-7 ‖forces from outside‖² of at most 10.

import type { Range } from '../../settings.ts';
import { defineTask } from '../definition.ts';
import { humanoidObservation, humanoidSettings, tendons } from './humanoid-parts.ts';
import { clip, isWithin, scatterUniform, sumOfSquares } from './parts.ts';

export const humanoid = defineTask({
  name: 'Humanoid',
  models: { 4: 'humanoid.xml', 5: 'humanoid.xml' },
  frameSkip: 5,
  maxSteps: 1000,
  settings: {
    ...humanoidSettings,
    forwardRewardWeight: 1.25,
    ctrlCostWeight: 0.1,
    contactCostWeight: 5e-7,
    contactCostRange: [Number.NEGATIVE_INFINITY, 10] as Range,
    healthyReward: 5,
    terminateWhenUnhealthy: true,
    healthyZRange: [1, 2] as Range,
    resetNoiseScale: 1e-2,
  },
  absent: {
    4: [
      'contactCostWeight',
      'contactCostRange',
      'includeCinertInObservation',
      'includeCvelInObservation',
      'includeQfrcActuatorInObservation',
      'includeCfrcExtInObservation',
    ],
  },
  view: { from: 'side', width: 4, centre: [0, 1], follow: 'torso' },
  make(simulation, settings, version) {
    const { nbody } = simulation;
    const masses = Float64Array.from(simulation.bodyMass);
    const total = masses.reduce((sum, mass) => sum + mass, 0);
    const memory = new Float64Array(2);
    /** Of the centre of mass, along an axis. */
    const centre = (axis: number) => {
      let sum = 0;
      for (let i = 0; i < nbody; i++) sum += masses[i]! * simulation.xipos[3 * i + axis]!;
      return sum / total;
    };
    const place = (x: number, y: number) => ({ x_position: x, y_position: y, distance_from_origin: Math.hypot(x, y) });
    const start = () => ({ ...place(simulation.qpos[0]!, simulation.qpos[1]!), ...tendons(simulation) });
    return {
      ...humanoidObservation(simulation, settings, version),
      memory,
      remember() {
        memory[0] = centre(0);
        memory[1] = centre(1);
      },
      scatter: scatterUniform(settings.resetNoiseScale),
      judge() {
        const [x, y] = [centre(0), centre(1)];
        const [xVelocity, yVelocity] = [(x - memory[0]!) / simulation.dt, (y - memory[1]!) / simulation.dt];
        const healthy = isWithin(simulation.qpos[2]!, settings.healthyZRange);
        const survive = healthy || (version === 4 && settings.terminateWhenUnhealthy) ? settings.healthyReward : 0;
        const forward = settings.forwardRewardWeight * xVelocity;
        const cost = settings.ctrlCostWeight * sumOfSquares(simulation.ctrl);
        const contact =
          version === 4
            ? 0
            : clip(settings.contactCostWeight * sumOfSquares(simulation.cfrcExt), settings.contactCostRange);
        const speed = { x_velocity: xVelocity, y_velocity: yVelocity };
        const info =
          version === 4
            ? {
                ...place(x, y),
                ...speed,
                reward_linvel: forward,
                reward_quadctrl: -cost,
                reward_alive: survive,
                forward_reward: forward,
              }
            : {
                ...start(),
                ...speed,
                reward_survive: survive,
                reward_forward: forward,
                reward_ctrl: -cost,
                reward_contact: -contact,
              };
        const terminated = !healthy && settings.terminateWhenUnhealthy;
        return { reward: forward + survive - (cost + contact), terminated, info };
      },
      startInfo: () => (version === 4 ? {} : start()),
    };
  },
});
