// Which commit the code is at, for records.
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isPackaged, ownPackage } from '../base/index.ts';

let known: string | null | undefined;

/**
 * The commit of the checkout this file belongs to, or of the one that the package was made from, with "+" when something in it
 * was changed; null when neither is known.
 */
export function codeCommit(): string | null {
  // The repository around an installed package is somebody else's.
  known ??= isPackaged ? (ownPackage().gitHead ?? null) : askGit(); // once: the code that runs is the code that was there when it was loaded
  return known;
}

function askGit(): string | null {
  const cwd = dirname(fileURLToPath(import.meta.url));
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return git('rev-parse', 'HEAD') + (changed ? '+' : '');
  } catch {
    return null;
  }
}
