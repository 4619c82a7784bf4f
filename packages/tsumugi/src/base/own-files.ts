// Where tsumugi's own files lie. In the checkout modules are TypeScript and data lie at its root; in the package that
// scripts/build.mjs makes of it, modules are JavaScript, and data lie in the package.
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How the names of tsumugi's own modules end: `.ts` in the checkout, `.js` in the package. */
export const moduleEnding = extname(import.meta.url);

/** Whether this is the package and not the checkout it was made from. */
export const isPackaged = moduleEnding === '.js';

/** The module beside the one that asks (its `import.meta.url`), by its name without an ending: the file of a worker. */
export const moduleBeside = (name: string, asking: string): URL => new URL(name + moduleEnding, asking);

/** A file or folder that comes with tsumugi, by its path from the root of the repository. */
export const ownFile = (path: string): string =>
  fileURLToPath(new URL(`${isPackaged ? '../..' : '../../../..'}/${path}`, import.meta.url));

export interface OwnPackage {
  version: string;
  /** The commit that the package was made from, with "+" when something was changed; absent in the checkout. */
  gitHead?: string;
}

/** What package.json says of tsumugi. */
export const ownPackage = (): OwnPackage =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as OwnPackage;
