// What wrappers of pixels ask of the environment inside.
import { UserError } from '../../base/index.ts';
import type { Environment, Observation } from '../environment.ts';
import { Box, Discrete } from '../spaces/index.ts';

export type Pixels = Uint8Array;

/** @throws UserError unless observations are arrays */
export function boxOf(wrapper: string, environment: Pick<Environment, 'id' | 'observationSpace'>): Box {
  const { id, observationSpace } = environment;
  if (observationSpace instanceof Box) return observationSpace;
  throw new UserError(
    'bad-space',
    `${wrapper} is for observations that are arrays, those of ${id} are ${String(observationSpace)}`,
  );
}

/** @throws UserError unless observations are arrays of bytes */
export function pixelsOf(wrapper: string, environment: Environment): Box {
  const box = boxOf(wrapper, environment);
  if (box.dtype === 'uint8') return box;
  throw new UserError(
    'bad-space',
    `${wrapper} is for pixels of 8 bits, the observations of ${environment.id} are ${String(box)}`,
  );
}

/** @throws UserError unless actions are numbers */
export function buttonsOf<O extends Observation>(wrapper: string, environment: Environment<O>): Discrete {
  const { id, actionSpace } = environment;
  if (actionSpace instanceof Discrete) return actionSpace;
  throw new UserError(
    'bad-space',
    `${wrapper} is for a Discrete space of actions, that of ${id} is ${String(actionSpace)}`,
  );
}
