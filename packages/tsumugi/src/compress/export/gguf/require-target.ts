// Whether a GGUF file can be written where it is to be, before the work begins.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DataError } from '../../../base/index.ts';

/** @throws DataError when something is there that is no GGUF file */
export function requireTarget(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found || (found.isFile() && (found.size === 0 || startsAsGguf(path)))) return;
  throw new DataError(
    'place-taken',
    `${path} is ${found.isDirectory() ? 'a folder' : 'something else than a GGUF file'}`,
    {
      remedy: found.isDirectory()
        ? `Name a file: --out ${path}/model.gguf`
        : 'Name another file, or remove it yourself.',
      fields: { path },
    },
  );
}

function startsAsGguf(path: string): boolean {
  const start = Buffer.alloc(4);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, start, 0, 4, 0);
  } finally {
    closeSync(descriptor);
  }
  return start.toString('latin1') === 'GGUF';
}
