// Why there is nothing at a path: no such name, or a link to something that is gone, as in a copied or half-fetched cache.
import { readdirSync, readlinkSync, statSync } from 'node:fs';

export interface Absence {
  /** The end of a sentence that begins with the path. */
  fault: string;
  remedy: string;
}

/** Where a link leads; undefined for what is no link, or is not there. */
export function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** The names in a folder; none when there is no such folder. For suggestions. */
export function namesIn(folder: string): string[] {
  try {
    return statSync(folder).isDirectory() ? readdirSync(folder) : [];
  } catch {
    return [];
  }
}

/** For a path at which `existsSync` finds nothing. */
export function absence(path: string): Absence {
  const target = linkTarget(path);
  return target === undefined
    ? { fault: 'does not exist', remedy: 'Check the path.' }
    : {
        fault: `is a link to ${target}, which does not exist`,
        remedy: 'Fetch what the link points to, or put the file itself in its place.',
      };
}
