// How many parameters a training run has trained, by its own word.
import { join } from 'node:path';
import { readEvents } from '../run/index.ts';

export const trainedParameters = (folder: string): number =>
  readEvents(join(folder, 'events.jsonl')).findLast((event) => event.type === 'start')?.parameters ?? Number.NaN;
