// The environments of a run by their names, with what its settings put around them.
import type { Environment } from '../environment.ts';
import { makeEnvironment } from '../registry.ts';
import { makeVectorEnvironment, type VectorEnvironment } from '../vector/index.ts';
import { moduleAddress } from './modules.ts';
import type { WrapperSetting } from './train-config.ts';

/** An environment as settings describe it. */
export interface EnvironmentSetting {
  id: string;
  options: Readonly<Record<string, unknown>>;
  /** The innermost first. */
  wrappers: readonly WrapperSetting[];
  maxEpisodeSteps: number | undefined;
}

const optionsOf = ({ options, wrappers, maxEpisodeSteps }: EnvironmentSetting): Record<string, unknown> => ({
  ...options,
  ...(wrappers.length > 0 && { wrappers }),
  ...(maxEpisodeSteps !== undefined && { maxSteps: maxEpisodeSteps }),
});

/** @throws UserError for one that is not there, and for options and wrappers that do not fit it */
export const openEnvironment = (setting: EnvironmentSetting): Promise<Environment> =>
  makeEnvironment(setting.id, optionsOf(setting));

/**
 * Some of them beside each other.
 *
 * @param workers threads that they run in; 0 for this one
 * @param modules files that such threads load first
 */
export const openEnvironments = (
  setting: EnvironmentSetting,
  size: number,
  workers = 0,
  modules: readonly string[] = [],
): Promise<VectorEnvironment> =>
  makeVectorEnvironment(setting.id, size, {
    workers,
    options: optionsOf(setting),
    ...(workers > 0 && { modules: modules.map(moduleAddress) }),
  });
