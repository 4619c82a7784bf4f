// Finds a libtorch to build against: LIBTORCH, an installed Python torch, the system's package, Homebrew — first hit wins.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * @typedef {'LIBTORCH' | 'python' | 'system' | 'homebrew'} Source
 * @typedef {object} Libtorch
 * @property {Source} source how it was found
 * @property {string} libDir the folder that holds libtorch_cpu, links resolved
 * @property {string[]} includeDirs
 * @property {string} version "major.minor.patch", from its headers
 * @property {string[]} libraries names to link, without "lib" and ending
 * @property {boolean} cuda whether it has CUDA libraries
 */

/** The oldest libtorch the bridge is written for. */
export const minimumVersion = '1.13';

const sharedEnding = process.platform === 'darwin' ? 'dylib' : 'so';
const cpuLibrary = `libtorch_cpu.${sharedEnding}`;

/** Debian's name for this architecture's library folder. */
export const multiarch = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;

/**
 * Reads the version out of the text of a version.h.
 * @param {string} header
 * @returns {string | undefined}
 */
export function parseVersionHeader(header) {
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => new RegExp(`^#define TORCH_VERSION_${part} (\\d+)`, 'm').exec(header)?.[1],
  );
  return parts.includes(undefined) ? undefined : parts.join('.');
}

/**
 * @param {string} version
 * @returns {boolean}
 */
export function isSupported(version) {
  const number = (/** @type {string} */ text) => {
    const [major = 0, minor = 0] = text.split('.').map(Number);
    return 1000 * major + minor;
  };
  return number(version) >= number(minimumVersion);
}

/**
 * Looks for a libtorch in `folder`: a libtorch, a Python torch package, a folder that holds either, or a prefix like /usr.
 * @param {string} folder
 * @param {Source} source
 * @returns {{ libtorch: Libtorch } | { problem: string }}
 */
export function resolveLibtorch(folder, source) {
  if (!existsSync(folder)) return { problem: `${folder} does not exist` };
  const places = ['lib', '.', join('lib', multiarch), 'lib64', 'torch/lib', 'libtorch/lib'];
  const place = places.find((each) => existsSync(join(folder, each, cpuLibrary)));
  if (place === undefined) return { problem: `${folder} holds no lib/${cpuLibrary}` };

  const found = resolve(folder, place);
  const libDir = dirname(realpathSync(join(found, cpuLibrary)));
  const include = [found, libDir]
    .flatMap((lib) => [join(lib, '..', 'include'), join(lib, '..', '..', 'include')])
    .find((each) => existsSync(join(each, 'ATen', 'ATen.h')));
  if (include === undefined)
    return { problem: `${libDir} has the libraries but its headers (ATen/ATen.h) are missing` };

  const api = join(include, 'torch', 'csrc', 'api', 'include');
  const version = [join(include, 'torch', 'headeronly', 'version.h'), join(api, 'torch', 'version.h')]
    .filter(existsSync)
    .map((header) => parseVersionHeader(readFileSync(header, 'utf8')))
    .find(Boolean);
  if (version === undefined) return { problem: `${include} has no readable torch/version.h` };
  if (!isSupported(version)) {
    return { problem: `${libDir} is libtorch ${version}; ${minimumVersion} or newer is needed` };
  }

  const optional = ['torch_cuda', 'c10_cuda'].filter((name) => existsSync(join(libDir, `lib${name}.${sharedEnding}`)));
  return {
    libtorch: {
      source,
      libDir,
      includeDirs: [...new Set([realpathSync(include), realpathSync(api)])],
      version,
      libraries: ['torch', 'torch_cpu', 'c10', ...optional],
      cuda: optional.length > 0,
    },
  };
}

/**
 * The folder of the `torch` package that `python3` (or `python`) on the PATH would import, found without importing it.
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
function pythonTorch(env) {
  const script = "import importlib.util as u; s = u.find_spec('torch'); print(s.origin or '' if s else '')";
  for (const python of ['python3', 'python']) {
    const { status, stdout } = spawnSync(python, ['-c', script], { env, encoding: 'utf8', timeout: 30_000 });
    if (status === 0 && stdout.trim() !== '') return dirname(stdout.trim());
  }
  return undefined;
}

/**
 * Where Homebrew keeps pytorch.
 * @returns {string[]}
 */
function homebrewFolders() {
  return ['/opt/homebrew/opt/pytorch', '/usr/local/opt/pytorch', '/home/linuxbrew/.linuxbrew/opt/pytorch']
    .filter(existsSync)
    .flatMap((prefix) => {
      const libexec = join(prefix, 'libexec', 'lib');
      const packages = existsSync(libexec)
        ? readdirSync(libexec).map((python) => join(libexec, python, 'site-packages', 'torch'))
        : [];
      return [prefix, ...packages.filter(existsSync)];
    });
}

/**
 * Searches all places in order. `tried` says, for each place that gave nothing, why.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {{ libtorch?: Libtorch, tried: string[] }}
 */
export function findLibtorch(env = process.env) {
  /** @type {string[]} */
  const tried = [];
  /** @param {string} folder @param {Source} source */
  const attempt = (folder, source) => {
    const result = resolveLibtorch(folder, source);
    if ('libtorch' in result) return result.libtorch;
    tried.push(`${source}: ${result.problem}`);
    return undefined;
  };

  // Someone who names a libtorch wants that one, not the next best.
  if (env['LIBTORCH']) {
    const libtorch = attempt(env['LIBTORCH'], 'LIBTORCH');
    return libtorch ? { libtorch, tried } : { tried };
  }
  const python = pythonTorch(env);
  if (python === undefined) tried.push('python: python3 has no torch');
  const fromPython = python === undefined ? undefined : attempt(python, 'python');
  if (fromPython) {
    // Debian's python3-torch is a set of links into the system's libtorch.
    const system = fromPython.libDir.startsWith('/usr/lib');
    return { libtorch: system ? { ...fromPython, source: 'system' } : fromPython, tried };
  }
  for (const prefix of process.platform === 'linux' ? ['/usr', '/usr/local'] : []) {
    const libtorch = attempt(prefix, 'system');
    if (libtorch) return { libtorch, tried };
  }
  for (const folder of homebrewFolders()) {
    const libtorch = attempt(folder, 'homebrew');
    if (libtorch) return { libtorch, tried };
  }
  return { tried };
}
