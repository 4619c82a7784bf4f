// Vectors of environments of the registry.
import { checkCount, checkNumber, checkOptions, UserError } from '../../base/index.ts';
import type { Environment } from '../environment.ts';
import { makeEnvironment } from '../registry.ts';
import { atIndex, plainError } from './at-index.ts';
import { SerialVectorEnvironment } from './serial.ts';
import type { VectorEnvironment } from './vector-environment.ts';
import { WorkerVectorEnvironment } from './worker.ts';

export interface VectorOptions {
  /** Threads, between which the environments are shared out (0, the default: none, they step in this one, one by one). */
  workers?: number;
  /** Those of each environment, as `makeEnvironment` takes them. */
  options?: Readonly<Record<string, unknown>>;
  /** With workers: addresses (`import.meta.url`) of modules that register environments of your own. Each thread loads them. */
  modules?: readonly string[];
  /** With workers: how long a step may take (60). */
  timeoutSeconds?: number;
  /** With workers: observations are views of shared memory, which hold until the step after the next (false: copies). */
  borrowed?: boolean;
}

/**
 * `size` environments of a name. Disposing of the vector ends them.
 *
 * @throws UserError as `makeEnvironment`, with the index of the environment
 */
export async function makeVectorEnvironment(
  id: string,
  size: number,
  options: VectorOptions = {},
): Promise<VectorEnvironment> {
  checkOptions('makeVectorEnvironment', options, {
    workers: true,
    options: true,
    modules: true,
    timeoutSeconds: true,
    borrowed: true,
  });
  checkCount('size', size, 1);
  const { workers = 0, options: own, modules = [], timeoutSeconds = 60, borrowed = false } = options;
  checkCount('workers', workers, 0, size);
  checkNumber('makeVectorEnvironment', 'timeoutSeconds', timeoutSeconds, { above: 0 });
  if (workers > 0)
    return WorkerVectorEnvironment.start({ id, size, workers, options: own, modules }, { timeoutSeconds, borrowed });
  for (const name of ['modules', 'timeoutSeconds', 'borrowed'] as const)
    if (options[name] !== undefined)
      throw new UserError('bad-option', `makeVectorEnvironment: ${name} is for workers, of which there are none`, {
        remedy: `Leave it out, or set workers.`,
      });
  return new SerialVectorEnvironment(await makeAll(id, size, own));
}

async function makeAll(id: string, size: number, options: VectorOptions['options']): Promise<Environment[]> {
  const made: Environment[] = [];
  try {
    while (made.length < size) made.push(await makeEnvironment(id, options as never));
    return made;
  } catch (error) {
    for (const environment of made) environment[Symbol.dispose]();
    throw atIndex(id, plainError(made.length, error));
  }
}
