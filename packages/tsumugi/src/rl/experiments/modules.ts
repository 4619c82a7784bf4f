// Files of one's own that register environments and agents, by their paths.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DataError, importFile, TsumugiError, whyNotLoaded } from '../../base/index.ts';

/** What `import` takes for a path from the folder that the process was started in. */
export const moduleAddress = (path: string): string => pathToFileURL(resolve(path)).href;

/**
 * Runs each of them once in this thread, however often it is named.
 *
 * @throws DataError for a file that is not there, or cannot be loaded
 */
export async function loadModules(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const whole = resolve(path);
    if (!existsSync(whole))
      throw new DataError('no-module', `there is no file ${path} to register environments and agents`, {
        remedy: 'Write the path from the folder that the command is started in.',
        fields: { path },
      });
    try {
      await importFile(whole);
    } catch (error) {
      if (error instanceof TsumugiError) throw error;
      throw new DataError('bad-module', `${path}: it cannot be loaded: ${whyNotLoaded(whole, error)}`, {
        remedy: 'Mend the file; --debug shows the whole stack.',
        cause: error,
        fields: { path },
      });
    }
  }
}
