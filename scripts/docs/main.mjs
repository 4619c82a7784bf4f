// npm run docs: the reference of the library from its docstrings, by TypeDoc, into build/docs.
//
// TypeDoc reads programs through TypeScript's JavaScript interface, which TypeScript 7 does not have any more, so it comes with
// a TypeScript 6 in a package of its own beside this file, installed when it is first asked for. Types are `npm run check`'s business.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const typedoc = join(folder, 'node_modules', 'typedoc');

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(typedoc)) run('npm', ['ci', '--no-audit', '--no-fund']);
run(process.execPath, [join(typedoc, 'bin', 'typedoc')]);
console.log(`open ${pathToFileURL(join(folder, '..', '..', 'build', 'docs', 'index.html'))}`);
