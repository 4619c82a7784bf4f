// Packs both packages for npm: `npm run pack [folder]` builds tsumugi and writes the tarballs to build/packages.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @typedef {object} Packed
 * @property {string} name
 * @property {string} filename
 * @property {number} size bytes of the tarball
 * @property {number} unpackedSize
 * @property {{ path: string, size: number }[]} files
 */

/**
 * Writes the tarballs of both packages to `folder` and says what is in them.
 * @param {string} folder
 * @param {{ check?: boolean }} [options] see `build`
 * @returns {Promise<Packed[]>}
 */
export async function pack(folder, options) {
  mkdirSync(folder, { recursive: true });
  const built = join(folder, 'tsumugi');
  await build(built, options);
  const args = ['pack', '--json', '--pack-destination', folder, join(root, 'packages', 'native'), built];
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  rmSync(built, { recursive: true });
  return Object.values(JSON.parse(stdout));
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? join(root, 'build', 'packages'));
  for (const { filename, size, files } of await pack(folder))
    console.log(`${join(relative('', folder), filename)}: ${files.length} files, ${(size / 1e6).toFixed(2)} MB`);
}
