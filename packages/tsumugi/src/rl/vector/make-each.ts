// One environment of a vector, made alike in every thread.
import type { Environment } from '../environment.ts';
import { makeEnvironment } from '../registry.ts';
import { type FrameOptions, preprocessFrames } from '../wrappers/preprocess-frames.ts';

/** Plain data: they go to other threads. */
export interface EachOptions {
  options?: Readonly<Record<string, unknown>>;
  frames?: FrameOptions;
}

export async function makeEach(id: string, { options, frames }: EachOptions): Promise<Environment> {
  const environment = await makeEnvironment(id, options);
  if (!frames) return environment;
  try {
    return preprocessFrames(environment, frames);
  } catch (error) {
    environment[Symbol.dispose]();
    throw error;
  }
}
