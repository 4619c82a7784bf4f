// Whether two paths mean one place, through links and whatever they are written like.
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/** The place that a path leads to, through all links; of what is not there yet, the path itself. */
export function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

export const samePlace = (a: string, b: string): boolean => realPlace(a) === realPlace(b);
