// Vectors of environments of the registry.
import { checkCount, checkNumber, checkOptions, UserError } from '../../base/index.ts';
import type { Environment } from '../environment.ts';
import type { FrameOptions } from '../wrappers/preprocess-frames.ts';
import { ofMaking, plainError } from './at-index.ts';
import { VectorFrameStack } from './frame-stack.ts';
import { type EachOptions, makeEach } from './make-each.ts';
import { SerialVectorEnvironment } from './serial.ts';
import type { VectorEnvironment } from './vector-environment.ts';
import { WorkerVectorEnvironment } from './worker.ts';

export interface VectorOptions {
  /** Threads, between which the environments are shared out (0, the default: none, they step in this one, one by one). */
  workers?: number;
  /** Those of each environment, as `makeEnvironment` takes them. */
  options?: Readonly<Record<string, unknown>>;
  /** The pixels of each are preprocessed with these; frames are stacked around the vector. */
  frames?: FrameOptions;
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
 * @throws UserError as `makeEnvironment`; for a fault of the environment's own code with the index of the environment
 */
export async function makeVectorEnvironment(
  id: string,
  size: number,
  options: VectorOptions = {},
): Promise<VectorEnvironment> {
  checkOptions('makeVectorEnvironment', options, {
    workers: true,
    options: true,
    frames: true,
    modules: true,
    timeoutSeconds: true,
    borrowed: true,
  });
  checkCount('size', size, 1);
  const { workers = 0, options: own, frames, modules = [], timeoutSeconds = 60, borrowed = false } = options;
  checkCount('workers', workers, 0, size);
  checkNumber('makeVectorEnvironment', 'timeoutSeconds', timeoutSeconds, { above: 0 });
  const each: EachOptions = { ...(own && { options: own }), ...(frames && { frames: { ...frames, stack: 1 } }) };
  const stacked = (vector: VectorEnvironment) => (frames ? new VectorFrameStack(vector, frames.stack ?? 4) : vector);
  if (workers > 0) {
    const plan = { id, size, workers, each, modules };
    return stacked(await WorkerVectorEnvironment.start(plan, { timeoutSeconds, borrowed }));
  }
  for (const name of ['modules', 'timeoutSeconds', 'borrowed'] as const)
    if (options[name] !== undefined)
      throw new UserError('bad-option', `makeVectorEnvironment: ${name} is for workers, of which there are none`, {
        remedy: `Leave it out, or set workers.`,
      });
  return stacked(new SerialVectorEnvironment(await makeAll(id, size, each)));
}

async function makeAll(id: string, size: number, each: EachOptions): Promise<Environment[]> {
  const made: Environment[] = [];
  try {
    while (made.length < size) made.push(await makeEach(id, each));
    return made;
  } catch (error) {
    for (const environment of made) environment[Symbol.dispose]();
    throw ofMaking(id, plainError(made.length, error));
  }
}
