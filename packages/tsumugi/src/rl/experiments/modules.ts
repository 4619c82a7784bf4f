// Files of one's own that register environments and agents, by their paths.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../../base/index.ts';

/** What `import` takes for a path from the folder that the process was started in. */
export const moduleAddress = (path: string): string => pathToFileURL(resolve(path)).href;

/**
 * Runs each of them once in this thread, however often it is named.
 *
 * @throws UserError for a file that is not there, or that fails
 */
export async function loadModules(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (!existsSync(path))
      throw new UserError('no-module', `there is no file ${path} to register environments and agents`, {
        remedy: 'Write the path from the folder that the command is started in.',
        fields: { path },
      });
    try {
      await import(moduleAddress(path));
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError('module-failed', `${path} failed: ${(error as Error).message}`, {
        remedy: `Run it by itself to see where: node ${path}`,
        cause: error,
        fields: { path },
      });
    }
  }
}
