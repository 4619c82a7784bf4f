// Builds the addon with CMake for one libtorch and one CPU level. The result appears whole or not at all, and is made
// again only when something it was built from has changed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import {
  addonName,
  addonPath,
  buildKey,
  buildRoot,
  c10Path,
  isInstalled,
  nativeSources,
  packageRoot,
  placeFile,
  readBuild,
  setupCommand,
  usesCxx11Strings,
  writeJson,
} from './builds.js';
import { findCompiler } from './compiler.js';
import { multiarch } from './libtorch.js';
import { findNccl } from './nccl.js';

/** @import { BuildRecord } from './builds.js' */
/** @import { Libtorch } from './libtorch.js' */

/** A build that could not be done; `remedy` says what to do. */
export class BuildError extends Error {
  /**
   * @param {string} message
   * @param {string} remedy
   */
  constructor(message, remedy) {
    super(message);
    this.name = 'BuildError';
    this.code = 'native-build-failed';
    this.remedy = remedy;
  }
}

/**
 * The folders of Debian's OpenBLAS variants to search before the system's choice, best first. OpenMP threads shared with
 * libtorch's own are nearly twice as fast as a second pool of threads when products and element-wise operations
 * alternate (512³ on 2 cores: 1.1 ms against 2.0). A BLAS someone chose on purpose (MKL, BLIS, ATLAS) is respected.
 * @param {string} [root] the system's library folder
 * @returns {string[]}
 */
export function openblasFolders(root = join('/usr/lib', multiarch)) {
  const chosen = join(root, 'libblas.so.3');
  if (existsSync(chosen) && !/\/(openblas[^/]*|blas)\/[^/]+$/.test(realpathSync(chosen))) return [];
  return ['openblas-openmp', 'openblas-pthread', 'openblas-serial']
    .map((variant) => join(root, variant))
    .filter((folder) => existsSync(join(folder, 'libblas.so.3')));
}

/**
 * Whether a libtorch of the system's would run on the reference BLAS (a hundredth of the speed), or on none.
 * @param {string} [root] the system's library folder
 * @returns {boolean}
 */
export function needsOpenblas(root = join('/usr/lib', multiarch)) {
  const chosen = join(root, 'libblas.so.3');
  if (existsSync(chosen) && !/\/blas\/[^/]+$/.test(realpathSync(chosen))) return false;
  return openblasFolders(root).length === 0;
}

/**
 * @param {Libtorch} libtorch
 * @returns {boolean} whether libtorch_cpu needs a BLAS library of the system's
 */
function needsSystemBlas(libtorch) {
  const library = join(libtorch.libDir, 'libtorch_cpu.so');
  const { status, stdout } = spawnSync('readelf', ['-d', library], { encoding: 'utf8' });
  return status === 0 && /NEEDED.*\[lib(open)?blas/.test(stdout);
}

/**
 * The C++ standard this libtorch's headers need, from its own CMake file; 17 at least, which our sources use.
 * @param {Libtorch} libtorch
 * @returns {string}
 */
function cxxStandard(libtorch) {
  const places = [join(libtorch.libDir, '..', 'share', 'cmake'), join(libtorch.libDir, 'cmake')];
  const config = places.map((place) => join(place, 'Torch', 'TorchConfig.cmake')).find(existsSync);
  const stated = config && /CXX_STANDARD (\d+)/.exec(readFileSync(config, 'utf8'))?.[1];
  return String(Math.max(17, Number(stated ?? 17)));
}

/** @param {Libtorch} libtorch @param {string} cpuLevel @returns {Record<string, string>} what CMakeLists.txt is told */
export function buildSettings(libtorch, cpuLevel) {
  const system = libtorch.libDir.startsWith('/usr/lib');
  const require = createRequire(import.meta.url);
  return {
    NODE_API_INCLUDE: join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
    TORCH_INCLUDE: libtorch.includeDirs.filter((each) => each !== '/usr/include').join(';'),
    TORCH_LIB: libtorch.libDir,
    TORCH_LIBRARIES: libtorch.libraries.join(';'),
    CMAKE_CXX_STANDARD: cxxStandard(libtorch),
    CXX11_STRINGS: usesCxx11Strings(readFileSync(c10Path(libtorch))) ? '1' : '0',
    CPU_LEVEL: cpuLevel,
    NCCL_INCLUDE: (findNccl(libtorch)?.include ?? []).join(';'),
    RUN_PATH: [...(system ? [] : [libtorch.libDir]), ...(system ? openblasFolders() : [])].join(':'),
  };
}

/**
 * A hash of everything the addon is built from: sources, settings, and the libtorch file itself.
 * @param {Libtorch} libtorch
 * @param {string} cpuLevel
 * @returns {string}
 */
export function inputsHash(libtorch, cpuLevel) {
  // Where the checkout lies and how the libtorch was found make no difference to what is built.
  const { source: _, ...identity } = libtorch;
  const { NODE_API_INCLUDE: __, ...rest } = buildSettings(libtorch, cpuLevel);
  const hash = createHash('sha256').update(JSON.stringify([identity, rest]));
  for (const [name, content] of nativeSources()) hash.update(name).update('\0').update(content).update('\0');
  const library = `libtorch_cpu.${process.platform === 'darwin' ? 'dylib' : 'so'}`;
  const { size, mtimeMs } = statSync(join(libtorch.libDir, library));
  return hash.update(`${size} ${mtimeMs}`).digest('hex');
}

/**
 * The finished build for these inputs, or undefined when there is none or it is out of date.
 * @param {Libtorch} libtorch
 * @param {string} cpuLevel
 * @returns {BuildRecord | undefined}
 */
export function currentBuild(libtorch, cpuLevel) {
  const record = readBuild(buildKey(libtorch, cpuLevel));
  return record?.inputs === inputsHash(libtorch, cpuLevel) ? record : undefined;
}

/**
 * Runs a program, passing each line of its output on; gives the last lines when it fails.
 * @param {string} program
 * @param {string[]} args
 * @param {string} compiler
 * @param {(line: string) => void} onLine
 * @returns {Promise<{ status: number | null, tail: string[] }>}
 */
function run(program, args, compiler, onLine) {
  return new Promise((done, fail) => {
    // A process group of its own, so that the compilers stop with us and not after us.
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', CXX: compiler },
      detached: true,
    });
    const stop = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
    process.once('exit', stop);
    /** @type {string[]} */
    const lines = [];
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        for (const line of parts) {
          lines.push(line);
          onLine(line);
        }
      });
      stream.on('end', () => rest && lines.push(rest));
    }
    child.on('error', fail);
    child.on('close', (status) => {
      process.off('exit', stop);
      done({ status, tail: lines });
    });
  });
}

/** @param {string[]} programs @returns {string | undefined} the first that runs */
const firstOf = (...programs) =>
  programs.find((each) => spawnSync(each, ['--version'], { stdio: 'ignore' }).status === 0);

/**
 * Tools the build needs and this machine lacks, by Debian package.
 * @returns {string[]}
 */
export function missingTools() {
  const missing = [];
  if (!firstOf('cmake')) missing.push('cmake');
  if (!firstOf('make', 'ninja')) missing.push('make');
  if (!process.env['CXX'] && !findCompiler()) missing.push('g++');
  return missing;
}

/**
 * The lines of a failed build that say what went wrong: from the first error on, without the tool's own echo.
 * @param {string[]} lines
 * @returns {string}
 */
export function failureExcerpt(lines) {
  const first = lines.findIndex((line) => /\berror\b/i.test(line));
  return (first < 0 ? lines.slice(-15) : lines.slice(first, first + 15)).map((line) => `  ${line}`).join('\n');
}

/**
 * Whether CMake can go on in this folder: it was made here, for this checkout, with this generator, compiler and CXXFLAGS.
 * @param {string} work
 * @param {string} generator
 * @param {string} compiler
 * @returns {boolean}
 */
function isUsable(work, generator, compiler) {
  const cache = join(work, 'CMakeCache.txt');
  if (!existsSync(cache)) return false;
  const lines = new Set(readFileSync(cache, 'utf8').split('\n'));
  return [
    `CMAKE_CACHEFILE_DIR:INTERNAL=${work}`,
    `CMAKE_HOME_DIRECTORY:INTERNAL=${resolve(packageRoot)}`,
    `CMAKE_GENERATOR:INTERNAL=${generator}`,
    `COMPILER:UNINITIALIZED=${compiler}`,
  ].every((line) => lines.has(line));
}

/**
 * Builds the addon. The object files stay in build/work/<key>, so that after an edit only what changed is compiled.
 * @param {Libtorch} libtorch
 * @param {string} cpuLevel
 * @param {(percent: number) => void} [onProgress]
 * @returns {Promise<BuildRecord>}
 */
export async function build(libtorch, cpuLevel, onProgress = () => {}) {
  const started = performance.now();
  const tools = missingTools();
  if (tools.length > 0) {
    throw new BuildError(`the addon cannot be built: ${tools.join(', ')} not found`, `install ${tools.join(', ')}`);
  }
  const compiler = findCompiler();
  if (!compiler)
    throw new BuildError(`CXX names "${process.env['CXX']}", which does not run`, 'unset CXX, or name a C++ compiler');
  if (compiler.problem)
    throw new BuildError(
      `the addon cannot be built: it needs GCC 12 or Clang 14 or newer, and ${compiler.command} ${compiler.problem}`,
      `install a newer one and name it: CXX=g++-12 ${setupCommand}`,
    );
  const key = buildKey(libtorch, cpuLevel);
  const inputs = inputsHash(libtorch, cpuLevel);
  const work = join(buildRoot, 'work', key);
  const generator = firstOf('make') ? 'Unix Makefiles' : 'Ninja';
  const identity = [compiler.command, compiler.name, process.env['CXXFLAGS'] ?? ''].join(' ').trim();
  // A build that was killed can leave an object file cut off yet newer than its source; so its folder starts afresh.
  const unfinished = join(work, 'unfinished');
  // Moved away first: compilers that outlived a killed setup must not write into the new one.
  if (existsSync(unfinished) || (existsSync(work) && !isUsable(work, generator, identity))) {
    const stale = join(buildRoot, 'work', `stale-${process.pid}`);
    renameSync(work, stale);
    rmSync(stale, { recursive: true, force: true, maxRetries: 5 });
  }
  mkdirSync(work, { recursive: true });
  writeFileSync(unfinished, '');

  const log = join(buildRoot, `${key}.log`);
  rmSync(log, { force: true });
  const settings = buildSettings(libtorch, cpuLevel);
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 2e9)));
  /** @param {Record<string, string>} given @returns what went wrong */
  const compile = async (given) => {
    const definitions = Object.entries(given).map(([name, value]) => `-D${name}=${value}`);
    const own = ['-DCMAKE_BUILD_TYPE=Release', `-DCOMPILER=${identity}`, ...definitions];
    const steps = [
      ['-S', packageRoot, '-B', work, '-G', generator, ...own],
      ['--build', work, '--parallel', String(jobs)],
    ];
    for (const step of steps) {
      const result = await run('cmake', step, compiler.command, (line) => {
        const percent = /^\[\s*(\d+)%\]/.exec(line);
        const count = /^\[(\d+)\/(\d+)\]/.exec(line);
        if (percent) onProgress(Number(percent[1]));
        else if (count) onProgress(Math.floor((100 * Number(count[1])) / Number(count[2])));
      });
      if (result.status !== 0) return result;
    }
    return undefined;
  };
  let withoutNccl = findNccl(libtorch)?.problem;
  let failure = await compile(settings);
  // NCCL's headers are another project's, of many versions: without it there is still everything on one GPU.
  if (failure && failure.status !== null && settings['NCCL_INCLUDE'] !== '') {
    writeFileSync(log, `${failure.tail.join('\n')}\n`);
    withoutNccl = `it did not compile (${log})`;
    failure = await compile({ ...settings, NCCL_INCLUDE: '' });
  }
  if (failure) {
    // The compiler ended by itself, so what lies there is sound; unless it was killed.
    if (failure.status !== null) rmSync(unfinished);
    writeFileSync(log, `${failure.tail.join('\n')}\n`);
    throw new BuildError(
      `building the addon against libtorch ${libtorch.version} (${libtorch.libDir}) failed:\n${failureExcerpt(failure.tail)}`,
      `the whole output is in ${log}; remove ${work} to build from nothing`,
    );
  }

  mkdirSync(join(buildRoot, key), { recursive: true });
  placeFile(addonPath(key), (temporary) => copyFileSync(join(work, addonName), temporary));
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const blas = needsSystemBlas(libtorch) ? 'system' : 'bundled';
  const record = { key, libtorch, cpuLevel, blas, ...(withoutNccl && { withoutNccl }), inputs, seconds };
  writeJson(join(buildRoot, key, 'build.json'), record);
  rmSync(unfinished);
  // In the checkout the object files are worth keeping for the next edit; in the user's cache nothing is edited.
  if (isInstalled) rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  return /** @type {BuildRecord} */ (record);
}
