// What the two tasks of the humanoid see alike: positions, velocities, inertia and velocity of the bodies about the centre of
// mass, forces of the actuators and from outside. Version 5 leaves out the rows of the world and of the free joint, which
// are always 0.

import type { Version } from '../definition.ts';
import type { Simulation } from '../simulation.ts';
import { put } from './parts.ts';

export const humanoidSettings = {
  excludeCurrentPositionsFromObservation: true,
  includeCinertInObservation: true,
  includeCvelInObservation: true,
  includeQfrcActuatorInObservation: true,
  includeCfrcExtInObservation: true,
};

export function humanoidObservation(simulation: Simulation, settings: typeof humanoidSettings, version: Version) {
  const skipped = settings.excludeCurrentPositionsFromObservation ? 2 : 0;
  const { nq, nv, nbody } = simulation;
  const bodies = version === 5 ? nbody - 1 : nbody;
  const row = nbody - bodies;
  const root = version === 5 ? 6 : 0;
  const size =
    nq -
    skipped +
    nv +
    (settings.includeCinertInObservation ? 10 * bodies : 0) +
    (settings.includeCvelInObservation ? 6 * bodies : 0) +
    (settings.includeQfrcActuatorInObservation ? nv - root : 0) +
    (settings.includeCfrcExtInObservation ? 6 * bodies : 0);
  const observe = () => {
    const observation = new Float64Array(size);
    let at = put(observation, put(observation, 0, simulation.qpos, skipped), simulation.qvel);
    if (settings.includeCinertInObservation) at = put(observation, at, simulation.cinert, 10 * row);
    if (settings.includeCvelInObservation) at = put(observation, at, simulation.cvel, 6 * row);
    if (settings.includeQfrcActuatorInObservation) at = put(observation, at, simulation.qfrcActuator, root);
    if (settings.includeCfrcExtInObservation) put(observation, at, simulation.cfrcExt, 6 * row);
    return observation;
  };
  return { size, observe };
}

/** Lengths and speeds of the tendons between hips and knees. */
export const tendons = (simulation: Simulation) => ({
  tendon_length: [...simulation.tenLength],
  tendon_velocity: [...simulation.tenVelocity],
});
