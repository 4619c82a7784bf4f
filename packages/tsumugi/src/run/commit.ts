// Which commit the code is at, for records.
import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isPackaged, ownPackage } from '../base/index.ts';

let commit: string | null | undefined;

/**
 * The commit of this checkout, or of the checkout that the package was made from; "+" at its end says that files were changed
 * since. Null when it is not known.
 */
export function codeCommit(): string | null {
  // Asked once: the code that runs is what was loaded at the start. A package asks no git: the repository around it is not ours.
  commit ??= isPackaged ? (ownPackage().gitHead ?? null) : askGit();
  return commit;
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
