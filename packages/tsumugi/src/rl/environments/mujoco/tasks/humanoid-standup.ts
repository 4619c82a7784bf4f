// HumanoidStandup: get up from the floor. Reward z/timestep − 0.1 ‖control‖² − 5e-7 ‖forces from outside‖² of at most 10, + 1.

import type { Range } from '../../settings.ts';
import { defineTask } from '../definition.ts';
import { humanoidObservation, humanoidSettings, tendons } from './humanoid-parts.ts';
import { clip, scatterUniform, sumOfSquares } from './parts.ts';

export const humanoidStandup = defineTask({
  name: 'HumanoidStandup',
  models: { 4: 'humanoidstandup.xml', 5: 'humanoidstandup.xml' },
  frameSkip: 5,
  maxSteps: 1000,
  settings: {
    ...humanoidSettings,
    uphCostWeight: 1,
    ctrlCostWeight: 0.1,
    impactCostWeight: 0.5e-6,
    impactCostRange: [Number.NEGATIVE_INFINITY, 10] as Range,
    resetNoiseScale: 1e-2,
  },
  absent: {
    4: [
      'includeCinertInObservation',
      'includeCvelInObservation',
      'includeQfrcActuatorInObservation',
      'includeCfrcExtInObservation',
    ],
  },
  view: { from: 'side', width: 4, centre: [0, 1], follow: 'torso' },
  make(simulation, settings, version) {
    const z0 = simulation.startQpos[2]!;
    const place = () => ({
      x_position: simulation.qpos[0]!,
      y_position: simulation.qpos[1]!,
      z_distance_from_origin: simulation.qpos[2]! - z0,
      ...tendons(simulation),
    });
    return {
      ...humanoidObservation(simulation, settings, version),
      memory: new Float64Array(0),
      remember() {},
      scatter: scatterUniform(settings.resetNoiseScale),
      judge() {
        const up = (settings.uphCostWeight * simulation.qpos[2]!) / simulation.timestep;
        const cost = settings.ctrlCostWeight * sumOfSquares(simulation.ctrl);
        const impact = clip(settings.impactCostWeight * sumOfSquares(simulation.cfrcExt), settings.impactCostRange);
        const rewards = { reward_linup: up, reward_quadctrl: -cost, reward_impact: -impact };
        const info = version === 4 ? rewards : { ...place(), ...rewards };
        return { reward: up - cost - impact + 1, terminated: false, info };
      },
      startInfo: () => (version === 4 ? {} : place()),
    };
  },
});
