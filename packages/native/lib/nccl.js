// Finds what the addon needs to be built with NCCL: a libtorch that has it, and the headers that come beside that libtorch. No CUDA toolkit is
// needed; src/nccl/stand-ins has what the packages that torch brings leave out.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** @import { Libtorch } from './libtorch.js' */

/**
 * @typedef {{ include: string[], problem?: never } | { problem: string, include?: never }} Nccl
 */

/** The first libtorch whose process groups of NCCL leave errors to us when they are told to (TORCH_NCCL_ASYNC_ERROR_HANDLING). */
const minimum = { major: 2, minor: 2 };

/** Headers, each with the package that brings it beside torch. */
const headers = {
  'nccl.h': 'nvidia-nccl',
  'cuda_runtime.h': 'nvidia-cuda-runtime',
};

/** @param {string} version */
const isNewEnough = (version) => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > minimum.major || (major === minimum.major && minor >= minimum.minor);
};

/**
 * @param {Libtorch} libtorch
 * @returns {Nccl | undefined} folders of headers, or why the addon goes without; undefined when this libtorch has no NCCL
 */
export function findNccl({ libDir, version, libraries }) {
  if (process.platform !== 'linux' || !libraries.includes('torch_cuda')) return undefined;
  const { status, stdout } = spawnSync('readelf', ['-d', join(libDir, 'libtorch_cuda.so')], { encoding: 'utf8' });
  if (status !== 0 || !/NEEDED.*\[libnccl\./.test(stdout)) return undefined;
  if (!isNewEnough(version)) return { problem: `libtorch ${version} is older than ${minimum.major}.${minimum.minor}` };
  // Only headers that were installed with this torch: the objects of its process groups are laid out by them.
  const packages = resolve(libDir, '..', '..', 'nvidia');
  const folders = existsSync(packages) ? readdirSync(packages).sort() : [];
  const include = folders.map((name) => join(packages, name, 'include'));
  const found = Object.keys(headers).map((header) => include.find((folder) => existsSync(join(folder, header))));
  const missing = Object.entries(headers).flatMap(([header, from], i) => (found[i] ? [] : [`${header} (${from})`]));
  if (missing.length > 0) return { problem: `no ${missing.join(', no ')} in ${packages}` };
  return { include: [...new Set(/** @type {string[]} */ (found))] };
}
