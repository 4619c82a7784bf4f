// Files of people's own (a recipe, a task), imported by their path.
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

/**
 * The module in a file. One outside this checkout, or in a project without tsumugi, finds `tsumugi/…` and the zod it is written
 * with here.
 */
export async function importFile(path: string): Promise<{ default?: unknown }> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const ours = /^(tsumugi|zod)(\/|$)/.test(specifier);
      return next(specifier, ours ? { ...context, parentURL: import.meta.url } : context);
    },
  });
  try {
    return (await import(pathToFileURL(path).href)) as { default?: unknown };
  } finally {
    hooks.deregister();
  }
}
