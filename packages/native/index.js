// Loads the addon on first use: picks the build for the libtorch in use and for this CPU, prepares the environment that
// its libraries read, and explains every failure. Plain JavaScript, so that any Node from 20 on can say what is missing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { addonPath, buildKey, defaultRecord, listBuilds, readBuild, readJson, setupCommand } from './lib/builds.js';
import { chooseLevel, libraryChoice, readCpuFlags } from './lib/cpu.js';
import { loadEnvironment } from './lib/environment.js';
import { findLibtorch, resolveLibtorch } from './lib/libtorch.js';

/** @import { Libtorch } from './lib/libtorch.js' */
/** @import { NativeDescription, NativeModule, SetUp } from './index.d.ts' */

/** @param {NativeDescription['cpuLevel']} cpuLevel */
const remedy = ({ level, chosen }) =>
  `run \`${chosen ? `TSUMUGI_CPU=${level} ` : ''}${setupCommand}\` (it finds or installs libtorch and builds the addon)`;

/**
 * An error with a code and a remedy, in the shape the rest of the project uses.
 * @param {string} code
 * @param {string} message
 * @param {string} advice
 * @param {unknown} [cause]
 */
function failure(code, message, advice, cause) {
  const error = new Error(`${message}\n  → ${advice}`, cause === undefined ? undefined : { cause });
  return Object.assign(error, { name: 'NativeLoadError', code, remedy: advice });
}

/**
 * The libtorch to use, without searching: LIBTORCH, what the last setup chose, or the newest build's.
 * @param {string[]} tried what was looked at without success
 * @returns {Libtorch | undefined}
 */
function chooseLibtorch(tried) {
  const named = process.env['LIBTORCH'];
  if (named) {
    const result = resolveLibtorch(named, 'LIBTORCH');
    if ('libtorch' in result) return result.libtorch;
    tried.push(`LIBTORCH=${named}: ${result.problem}`);
    return undefined;
  }
  const chosen = /** @type {{ libtorch: Libtorch } | undefined} */ (readJson(defaultRecord))?.libtorch;
  if (chosen && existsSync(chosen.libDir)) return chosen;
  if (chosen) tried.push(`${chosen.libDir}: chosen by the last setup, is gone`);
  for (const { libtorch } of listBuilds()) if (existsSync(libtorch.libDir)) return libtorch;
  // Nothing to load. What a search finds tells a person what is missing.
  const search = findLibtorch();
  if (search.libtorch) tried.push(`libtorch ${search.libtorch.version} (${search.libtorch.libDir}) has no addon yet`);
  else tried.push(...search.tried);
  return undefined;
}

/**
 * What would be loaded, and what stands in the way. Loads nothing.
 * @returns {NativeDescription}
 */
export function describe() {
  const flags = readCpuFlags();
  const choice = chooseLevel(process.env, flags);
  const { level, highest, chosen, problem } = choice;
  /** @type {string[]} */
  const failures = [];
  const libtorch = chooseLibtorch(failures);
  const key = libtorch && buildKey(libtorch, level);
  const build = key === undefined ? undefined : readBuild(key);
  if (problem) failures.push(problem.message);
  else if (libtorch && !build) {
    const others = listBuilds().map((each) => each.key);
    failures.push(
      `no addon at ${addonPath(/** @type {string} */ (key))}${others.length > 0 ? ` (there is: ${others.join(', ')})` : ''}`,
    );
  }
  const environment = loadEnvironment(process.env, {
    systemBlas: build?.blas === 'system',
    chosen,
    ...libraryChoice(choice, flags),
  });
  const coreType = environment['OPENBLAS_CORETYPE'] ?? process.env['OPENBLAS_CORETYPE'];
  return {
    ...(libtorch && { libtorch }),
    ...(build && { addon: addonPath(build.key), blas: build.blas }),
    ...(build?.withoutNccl && { withoutNccl: build.withoutNccl }),
    cpuLevel: { level, highest, chosen, ...(problem && { problem }) },
    ...(coreType !== undefined && { coreType }),
    environment,
    setupCommand,
    failures,
  };
}

/** @type {NativeModule | undefined} */
let loaded;

/**
 * The addon. Loaded by the first call; later calls return the same object.
 * @returns {NativeModule}
 * @throws {Error} with code `native-not-built` or `native-load-failed` and a remedy
 */
export function load() {
  if (loaded) return loaded;
  const { addon, libtorch, environment, failures, cpuLevel } = describe();
  if (cpuLevel.problem) throw failure('bad-cpu-level', cpuLevel.problem.message, cpuLevel.problem.remedy);
  if (!addon || !libtorch) {
    const named = Boolean(process.env['LIBTORCH']) && !libtorch;
    throw failure(
      'native-not-built',
      `the native addon is not built for this machine: ${failures.join('; ')}`,
      named ? 'let LIBTORCH name a libtorch or an installed Python torch folder, or unset it' : remedy(cpuLevel),
    );
  }
  // Assignments reach the C library's environment at once (on the main thread), before the libraries read it.
  Object.assign(process.env, environment);
  const module = { exports: /** @type {unknown} */ ({}) };
  try {
    process.dlopen(module, addon);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure(
      'native-load-failed',
      `the native addon cannot be loaded: ${reason}\n  - addon: ${addon}\n  - libtorch ${libtorch.version}: ${libtorch.libDir}`,
      `${remedy(cpuLevel)}; if it still fails, remove ${join(addon, '..')} first`,
      error,
    );
  }
  loaded = /** @type {NativeModule} */ (module.exports);
  return loaded;
}

/**
 * Finds a libtorch, or installs one where that works unattended, and builds the addon for it. Quick when all is there.
 * @type {SetUp}
 */
export const setUp = async (options) => (await import('./lib/setup.js')).setUp(options);
