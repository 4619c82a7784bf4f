// Packages that one kind of work alone needs, and that everybody else does without: loaded on demand.
import { UserError } from './errors.ts';

export interface OptionalPackages {
  /** The error's code when they are missing. */
  code: string;
  /** What they do: the beginning of the sentence that ends in "…, which is not installed". */
  purpose: string;
  /** Name → the version that this is made for. package.json has the same, as optional peers. */
  versions: Readonly<Record<string, string>>;
}

/** What `load` imports. @throws UserError when a package is not installed, or does not load */
export async function loadOptional<T>(
  { code, purpose, versions }: OptionalPackages,
  load: () => Promise<T>,
): Promise<T> {
  const names = Object.keys(versions).join(' and ');
  const several = Object.keys(versions).length > 1;
  const wanted = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
  try {
    return await load();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const message = missing
      ? `${purpose} ${names}, which ${several ? 'are' : 'is'} not installed`
      : `${names} ${several ? 'do' : 'does'} not load: ${(cause as Error).message}`;
    throw new UserError(code, message, { remedy: `npm install ${wanted.join(' ')}`, cause });
  }
}
