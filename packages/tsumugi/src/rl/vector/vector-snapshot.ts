// What a vector of environments keeps to go on later: each one's own snapshot, and what is to be acted on next.
import { isObject, UserError } from '../../base/index.ts';
import type { Observation } from '../environment.ts';
import { observationFromJson, observationToJson } from '../observation-json.ts';

export interface VectorSnapshot {
  environments: unknown[];
  /** Missing before the first `reset`. */
  observations: Observation[] | undefined;
}

export const snapshotToJson = ({ environments, observations }: VectorSnapshot): unknown => ({
  environments,
  observations: observations?.map(observationToJson) ?? null,
});

/** @throws UserError for what is no snapshot of a vector of this size */
export function snapshotFromJson(id: string, size: number, json: unknown): VectorSnapshot {
  const { environments, observations } = isObject(json) ? json : {};
  if (!Array.isArray(environments)) throw new UserError('bad-snapshot', `this is no snapshot of environments of ${id}`);
  if (environments.length !== size)
    throw new UserError(
      'bad-snapshot',
      `the snapshot is of ${environments.length} environments, these are ${size} of ${id}`,
      { remedy: `Make ${environments.length} environments to go on from it.` },
    );
  return {
    environments,
    observations: Array.isArray(observations) ? observations.map(observationFromJson) : undefined,
  };
}
