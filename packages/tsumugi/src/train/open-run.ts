// What the verbs that train ask of a run folder; opening it is the same for every kind of run.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export { asJson, openRun } from '../run/index.ts';

/** Whether a run folder holds a finished model. */
export const isTrained = (out: string): boolean => existsSync(join(out, 'model', 'config.json'));
