// Why there is nothing at a path: no such name, or a link to something that is gone, as in a copied or half-fetched cache.
import { lstatSync, readlinkSync } from 'node:fs';

export interface Absence {
  /** The end of a sentence that begins with the path. */
  fault: string;
  remedy: string;
}

/** For a path at which `existsSync` finds nothing. */
export function absence(path: string): Absence {
  const link = lstatSync(path, { throwIfNoEntry: false });
  return link?.isSymbolicLink()
    ? {
        fault: `is a link to ${readlinkSync(path)}, which does not exist`,
        remedy: 'Fetch what the link points to, or put the file itself in its place.',
      }
    : { fault: 'does not exist', remedy: 'Check the path.' };
}
