// The code of a task of one's own, hashed: its version is a number that people forget to raise.
import { readFileSync, statSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { contentHash, filesHash } from '../base/index.ts';

const own = fileURLToPath(new URL('..', import.meta.url));
const imported = /\bfrom\s*['"](\.[^'"]+)['"]|\bimport\s*\(?\s*['"](\.[^'"]+)['"]/g;

/** SHA-256 over a file and the files that it imports by relative paths, and those that they import; tsumugi's own apart. */
export async function codeHash(path: string): Promise<string> {
  const files = new Map<string, string>();
  const follow = async (file: string): Promise<void> => {
    if (files.has(file) || file.startsWith(own) || !statSync(file, { throwIfNoEntry: false })?.isFile()) return;
    files.set(file, await contentHash(file));
    for (const [, from, bare] of readFileSync(file, 'utf8').matchAll(imported))
      await follow(resolve(dirname(file), (from ?? bare)!));
  };
  await follow(resolve(path));
  return filesHash([...files].map(([file, hash]) => [relative(dirname(resolve(path)), file), hash]));
}
