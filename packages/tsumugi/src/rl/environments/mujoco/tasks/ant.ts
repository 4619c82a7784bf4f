// Ant: four legs, forward in space. Schulman et al. 2015; reward Δx/dt + 1 − 0.5 ‖a‖² − 5e-4 ‖contact forces, clipped‖².
// In version 4 contact forces are neither seen nor paid for unless `useContactForces` is set.

import type { Range } from '../../settings.ts';
import { defineTask } from '../definition.ts';
import { clip, put, scatterNormal, sumOfSquares } from './parts.ts';

export const ant = defineTask({
  name: 'Ant',
  models: { 4: 'ant.xml', 5: 'ant.xml' },
  frameSkip: 5,
  maxSteps: 1000,
  settings: {
    forwardRewardWeight: 1,
    ctrlCostWeight: 0.5,
    contactCostWeight: 5e-4,
    healthyReward: 1,
    terminateWhenUnhealthy: true,
    healthyZRange: [0.2, 1] as Range,
    contactForceRange: [-1, 1] as Range,
    resetNoiseScale: 0.1,
    excludeCurrentPositionsFromObservation: true,
    includeCfrcExtInObservation: true,
    useContactForces: false,
  },
  absent: { 4: ['includeCfrcExtInObservation'], 5: ['useContactForces'] },
  view: { from: 'side', width: 5, centre: [0, 0.8], follow: 'torso' },
  make(simulation, settings, version) {
    const skipped = settings.excludeCurrentPositionsFromObservation ? 2 : 0;
    const costsContact = version === 5 || settings.useContactForces;
    const seesContact = version === 5 ? settings.includeCfrcExtInObservation : settings.useContactForces;
    // Version 5 leaves out the world's own row, which is always 0.
    const firstForce = version === 5 ? 6 : 0;
    const { nq, nv, nbody } = simulation;
    const size = nq - skipped + nv + (seesContact ? 6 * nbody - firstForce : 0);
    const memory = new Float64Array(2);
    const torso = 3 * simulation.body('torso');
    const isHealthy = () => {
      const { qpos, qvel } = simulation;
      for (let i = 0; i < nq; i++) if (!Number.isFinite(qpos[i]!)) return false;
      for (let i = 0; i < nv; i++) if (!Number.isFinite(qvel[i]!)) return false;
      const [low, high] = settings.healthyZRange;
      return low <= qpos[2]! && qpos[2]! <= high;
    };
    const contactCost = () => {
      let sum = 0;
      for (const force of simulation.cfrcExt) sum += clip(force, settings.contactForceRange) ** 2;
      return settings.contactCostWeight * sum;
    };
    const place = (x: number, y: number) => ({ x_position: x, y_position: y, distance_from_origin: Math.hypot(x, y) });
    return {
      size,
      memory,
      remember() {
        memory[0] = simulation.xpos[torso]!;
        memory[1] = simulation.xpos[torso + 1]!;
      },
      scatter: scatterNormal(settings.resetNoiseScale),
      observe() {
        const observation = new Float64Array(size);
        let at = put(observation, put(observation, 0, simulation.qpos, skipped), simulation.qvel);
        if (!seesContact) return observation;
        const { cfrcExt } = simulation;
        for (let i = firstForce; i < cfrcExt.length; i++)
          observation[at++] = clip(cfrcExt[i]!, settings.contactForceRange);
        return observation;
      },
      judge(action) {
        const { xpos, qpos, dt } = simulation;
        const [x, y] = [xpos[torso]!, xpos[torso + 1]!];
        const [xVelocity, yVelocity] = [(x - memory[0]!) / dt, (y - memory[1]!) / dt];
        const healthy = isHealthy();
        const survive = healthy || (version === 4 && settings.terminateWhenUnhealthy) ? settings.healthyReward : 0;
        const forward = settings.forwardRewardWeight * xVelocity;
        const cost = settings.ctrlCostWeight * sumOfSquares(action);
        const contact = costsContact ? contactCost() : 0;
        const moved = {
          x_velocity: xVelocity,
          y_velocity: yVelocity,
          reward_forward: forward,
          reward_survive: survive,
        };
        // What version 4 calls the control's reward is the contact's where there is one.
        const info =
          version === 4
            ? { ...place(x, y), ...moved, forward_reward: forward, reward_ctrl: costsContact ? -contact : -cost }
            : { ...place(qpos[0]!, qpos[1]!), ...moved, reward_ctrl: -cost, reward_contact: -contact };
        const terminated = !healthy && settings.terminateWhenUnhealthy;
        return { reward: forward + survive - (cost + contact), terminated, info };
      },
      startInfo: () => (version === 4 ? {} : place(simulation.qpos[0]!, simulation.qpos[1]!)),
    };
  },
});
