// What is filled beside its place until it is whole has such a name: `model.json.partial-4711`.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const unfinished = /\.partial-([^/]+-)?\d+(\.old)?$/;

/**
 * Removes what killed processes left unfinished in a folder, and below it when `recursive`. For folders that only this process
 * writes to: it holds their lock.
 */
export function removeUnfinished(folder: string, { recursive = false } = {}): void {
  for (const name of readdirSync(folder, { recursive, encoding: 'utf8' }))
    if (unfinished.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
}
