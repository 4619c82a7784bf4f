// Where built addons lie, how they are named, and the records setup leaves for the loader.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @import { Libtorch } from './libtorch.js' */

/**
 * @typedef {object} BuildRecord what build/<key>/build.json says about the addon beside it
 * @property {string} key
 * @property {Libtorch} libtorch
 * @property {string} cpuLevel
 * @property {'system' | 'bundled'} blas whether libtorch calls the system's BLAS library or carries its own
 * @property {string} inputs hash of everything the addon was built from
 * @property {number} seconds how long the build took
 */

export const packageRoot = fileURLToPath(new URL('..', import.meta.url));
export const buildRoot = join(packageRoot, 'build');
export const addonName = 'tsumugi.node';
/** Records which `libtorch` a setup without LIBTORCH chose, so that loading does not have to search again. */
export const defaultRecord = join(buildRoot, 'default.json');

/**
 * Names the build for a libtorch and a CPU level: one folder each, so that several can live side by side.
 * @param {Pick<Libtorch, 'version' | 'libDir'>} libtorch
 * @param {string} cpuLevel
 * @returns {string}
 */
export function buildKey(libtorch, cpuLevel) {
  const place = createHash('sha256').update(libtorch.libDir).digest('hex').slice(0, 8);
  return `torch-${libtorch.version}-${place}-${cpuLevel}`;
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
 * Writes JSON so that a reader sees the old content or the new.
 * @param {string} path
 * @param {unknown} value
 */
export function writeJson(path, value) {
  const temporary = `${path}.partial-${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { flush: true });
  renameSync(temporary, path);
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
