// Where built addons lie, how they are named, and the records setup leaves for the loader.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheRoot } from './cache-folder.js';

/** @import { Libtorch } from './libtorch.js' */

/**
 * @typedef {object} BuildRecord what build/<key>/build.json says about the addon beside it
 * @property {string} key
 * @property {Libtorch} libtorch
 * @property {string} cpuLevel
 * @property {'system' | 'bundled'} blas whether libtorch calls the system's BLAS library or carries its own
 * @property {string} [withoutNccl] why it was built without the NCCL that libtorch has
 * @property {string} inputs hash of everything the addon was built from
 * @property {number} seconds how long the build took
 */

export const packageRoot = fileURLToPath(new URL('..', import.meta.url));
/** Whether npm, or its like, has installed this package: then its folder is not ours to build in. */
export const isInstalled = packageRoot.split(sep).includes('node_modules');
export const buildRoot = isInstalled ? join(cacheRoot(), 'native') : join(packageRoot, 'build');
/** What makes the addon. */
export const setupCommand = isInstalled ? 'npx tsumugi setup' : 'npm run setup';
export const addonName = 'tsumugi.node';
/** Records which `libtorch` a setup without LIBTORCH chose, so that loading does not have to search again. */
export const defaultRecord = join(buildRoot, 'default.json');

/**
 * The sources of the addon, each with its path in this package.
 * @returns {[path: string, content: Buffer][]}
 */
export function nativeSources() {
  const below = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => join('src', name))
    .filter((name) => statSync(join(packageRoot, name)).isFile())
    .sort();
  return ['CMakeLists.txt', ...below].map((name) => [name, readFileSync(join(packageRoot, name))]);
}

/**
 * Whether this libtorch was compiled with C++11 strings (Python wheels before 2.6 were not): the mangled name of one of
 * its functions tells.
 * @param {Buffer} c10 the bytes of libc10
 * @returns {boolean}
 */
export const usesCxx11Strings = (c10) => !c10.includes('torchCheckFailEPKcS2_jRKSs');

/** @param {Pick<Libtorch, 'libDir'>} libtorch */
export const c10Path = ({ libDir }) => join(libDir, `libc10.${process.platform === 'darwin' ? 'dylib' : 'so'}`);

/**
 * Tells the addons of several packages apart, which share the user's cache: by the ABI of strings and by the sources (which say
 * the version of Node-API).
 * @param {Pick<Libtorch, 'libDir'>} libtorch
 */
function sharedKey(libtorch) {
  const c10 = c10Path(libtorch);
  const abi = existsSync(c10) && !usesCxx11Strings(readFileSync(c10)) ? 'cxx98' : 'cxx11';
  const hash = createHash('sha256');
  for (const [name, content] of nativeSources()) hash.update(`${name}\0${content.length}\0`).update(content);
  return `-${abi}-${hash.digest('hex').slice(0, 12)}`;
}

/**
 * Names the build for a libtorch and a CPU level: one folder each, so that several can live side by side.
 * @param {Pick<Libtorch, 'version' | 'libDir'>} libtorch
 * @param {string} cpuLevel
 * @returns {string}
 */
export function buildKey(libtorch, cpuLevel) {
  const place = createHash('sha256').update(libtorch.libDir).digest('hex').slice(0, 8);
  return `torch-${libtorch.version}-${place}-${cpuLevel}${isInstalled ? sharedKey(libtorch) : ''}`;
}

/** @param {string} key */
export const addonPath = (key) => join(buildRoot, key, addonName);

/**
 * @param {string} path
 * @returns {unknown} undefined when the file is missing or is no JSON
 */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Lets `make` make a file beside its place and renames it: a reader sees the old content or the new, and a process that has the
 * old one mapped keeps it.
 * @param {string} path
 * @param {(temporary: string) => void} make
 */
export function placeFile(path, make) {
  const temporary = `${path}.partial-${process.pid}`;
  make(temporary);
  renameSync(temporary, path);
}

/**
 * @param {string} path
 * @param {unknown} value
 */
export function writeJson(path, value) {
  placeFile(path, (temporary) => writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { flush: true }));
}

/**
 * The record of a finished build, or undefined.
 * @param {string} key
 * @returns {BuildRecord | undefined}
 */
export function readBuild(key) {
  const record = /** @type {BuildRecord | undefined} */ (readJson(join(buildRoot, key, 'build.json')));
  return record && existsSync(addonPath(key)) ? record : undefined;
}

/**
 * All finished builds, newest first.
 * @returns {BuildRecord[]}
 */
export function listBuilds() {
  if (!existsSync(buildRoot)) return [];
  return readdirSync(buildRoot)
    .flatMap((key) => readBuild(key) ?? [])
    .sort((a, b) => statSync(addonPath(b.key)).mtimeMs - statSync(addonPath(a.key)).mtimeMs);
}
