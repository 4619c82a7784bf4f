// What an environment of others gives out, looked at as it comes: an agent would learn nonsense from it in silence.
import { isObject, UserError } from '../../base/index.ts';
import type { Info, Observation, ResetResult, StepResult } from '../environment.ts';
import { Box, type Space } from '../spaces/index.ts';
import { observationFault, resultFaults } from './faults.ts';

const ARRAYS = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array } as const;

/** Whether it is of the space's kind and has no NaN. Elements of an array may lie outside of the box, as in Gymnasium. */
function fits(space: Space, observation: unknown): boolean {
  if (space.kind === 'Discrete') return space.contains(observation);
  const dtype = space instanceof Box ? space.dtype : 'float32';
  if (!(observation instanceof ARRAYS[dtype])) return false;
  let size = 1;
  for (const length of space.shape) size *= length;
  if (observation.length !== size) return false;
  if (dtype !== 'uint8') for (let i = 0; i < size; i++) if (Number.isNaN(observation[i])) return false;
  return true;
}

const bad = (id: string, fault: string) =>
  new UserError('bad-environment', `${id}: ${fault}`, { fields: { environment: id, fault } });

/**
 * The observation, as an array of its own: an environment may write again into the one that it gave.
 *
 * @param from e.g. "reset" @throws UserError `bad-environment`, which says what to do
 */
export function ownObservation<O extends Observation>(id: string, space: Space, from: string, given: unknown): O {
  if (fits(space, given)) return (typeof given === 'number' ? given : (given as Float32Array).slice()) as O;
  throw bad(id, observationFault(from, space, given) ?? `${from} gave no point of ${space}`);
}

const infoOf = (info: unknown): Info => (isObject(info) ? info : {});

/** @throws UserError `bad-environment` */
export function soundReset<O extends Observation>(id: string, space: Space, given: unknown): ResetResult<O> {
  if (given instanceof Promise) throw bad(id, later('reset'));
  if (!isObject(given) || !('observation' in given))
    throw bad(id, 'reset gave no object with an observation: give out { observation, info }');
  return { observation: ownObservation(id, space, 'reset', given['observation']), info: infoOf(given['info']) };
}

/** @throws UserError `bad-environment` */
export function soundStep<O extends Observation>(id: string, space: Space, given: unknown): StepResult<O> {
  const { reward, terminated, truncated, observation, info } = (given ?? {}) as StepResult;
  const isSound =
    typeof reward === 'number' &&
    Number.isFinite(reward) &&
    typeof terminated === 'boolean' &&
    typeof truncated === 'boolean';
  if (!isSound) {
    if (given instanceof Promise) throw bad(id, later('step'));
    throw bad(id, resultFaults('step', given).next().value as string);
  }
  return {
    observation: ownObservation(id, space, 'step', observation),
    reward,
    terminated,
    truncated,
    info: infoOf(info),
  };
}

const later = (method: string) =>
  `${method} gave a promise: environments are synchronous, load what takes its time in make`;
