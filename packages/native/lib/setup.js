// Makes the addon ready: finds a libtorch, installs one where that works unattended, and builds. What the checkout's
// scripts/setup and an installed package's `tsumugi setup` share. Quick when all is there.
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { build, currentBuild, missingTools, needsOpenblas } from './build.js';
import { addonPath, buildRoot, defaultRecord, isInstalled, readJson, writeJson } from './builds.js';
import { chooseLevel, readCpuFlags } from './cpu.js';
import { findLibtorch, resolveLibtorch } from './libtorch.js';
import { takeLock } from './setup-lock.js';
import { SetupProgress, secondsSince } from './setup-progress.js';
import { aptInstall, instructions, SetupError } from './system-packages.js';

/** @import { Libtorch } from './libtorch.js' */
/** @import { SetUp } from '../index.d.ts' */

/** The first python3 on the PATH: another one may bring another torch. */
function pythonOnPath() {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'python3')).find((path) => existsSync(path)) ?? null;
}

/**
 * The libtorch chosen before, if nothing speaks against it.
 * @returns {Libtorch | undefined}
 */
function rememberedLibtorch() {
  const named = process.env['LIBTORCH'];
  if (named) {
    const result = resolveLibtorch(named, 'LIBTORCH');
    return 'libtorch' in result ? result.libtorch : undefined;
  }
  const record = /** @type {{ libtorch: Libtorch, python: string | null } | undefined} */ (readJson(defaultRecord));
  if (!record || record.python !== pythonOnPath()) return undefined;
  const result = resolveLibtorch(record.libtorch.libDir, record.libtorch.source);
  const same = 'libtorch' in result && JSON.stringify(result.libtorch) === JSON.stringify(record.libtorch);
  return same ? record.libtorch : undefined;
}

/** @param {SetupProgress} progress @returns {Promise<Libtorch>} */
async function obtainLibtorch(progress) {
  progress.step('looking for libtorch …');
  let { libtorch, tried } = findLibtorch();
  if (!libtorch && process.env['LIBTORCH']) {
    throw new SetupError(
      tried.join('\n'),
      'let LIBTORCH name a libtorch or an installed Python torch folder, or unset it',
      2,
    );
  }
  const wanted = missingTools();
  if (!libtorch) wanted.push('libtorch-dev');
  if ((!libtorch || libtorch.source === 'system') && needsOpenblas()) wanted.push('libopenblas0-openmp');
  if (wanted.length > 0) {
    const started = performance.now();
    const what = `installing ${wanted.join(', ')} with apt-get …`;
    const outcome = await aptInstall(wanted, (detail) => progress.step(what, detail));
    if (outcome.installed) {
      progress.done(`installed ${wanted.join(', ')} (${outcome.packages} packages, ${secondsSince(started)})`);
    } else if (!libtorch || missingTools().length > 0) {
      const searched = libtorch ? '' : `\n${tried.map((line) => `  - ${line}`).join('\n')}`;
      throw new SetupError(`${outcome.reason}; needed: ${wanted.join(', ')}${searched}`, instructions(wanted));
    } else {
      // Only the faster BLAS is missing: go on without it; the doctor names the cost.
      progress.done(`going on without libopenblas0-openmp: ${outcome.reason}`);
    }
    ({ libtorch, tried } = findLibtorch());
  }
  if (!libtorch)
    throw new SetupError(
      `no usable libtorch:\n${tried.map((line) => `  - ${line}`).join('\n')}`,
      instructions(['libtorch-dev']),
    );
  return libtorch;
}

const otherRoot = isInstalled
  ? 'let XDG_CACHE_HOME name a folder that can be written to, here and for what runs afterwards'
  : 'change the permissions of the folder';

/** Another setup may have made it meanwhile. @param {string} place */
function makeOne(place) {
  try {
    mkdirSync(place);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
}

/**
 * Makes the folder of builds. Why that cannot be, or why nothing can be written there. One folder at a time: Node never ends
 * making several below a place that takes none, such as /proc.
 * @returns {string | undefined}
 */
function makeBuildRoot() {
  const missing = [];
  for (let place = buildRoot; !existsSync(place); place = dirname(place)) missing.push(place);
  try {
    for (const place of missing.reverse()) makeOne(place);
    accessSync(buildRoot, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code ?? String(error);
  }
}

/** @type {SetUp} */
export async function setUp({ output = process.stderr, search = false, packages } = {}) {
  const progress = new SetupProgress(output);
  try {
    const { level, problem } = chooseLevel(process.env, readCpuFlags());
    if (problem) throw new SetupError(problem.message, problem.remedy, 2);
    const remembered = search ? undefined : rememberedLibtorch();
    const ready = remembered && currentBuild(remembered, level);
    if (ready && (packages?.areCurrent() ?? true)) return finish(progress, ready);

    const fault = makeBuildRoot();
    if (fault !== undefined) {
      // Somebody else may have set up what this user can only read: an administrator, the image of a container.
      const libtorch = remembered ?? findLibtorch().libtorch;
      const made = libtorch && currentBuild(libtorch, level);
      if (made) return finish(progress, made);
      throw new SetupError(`the folder of addons, ${buildRoot}, cannot be written to (${fault})`, otherRoot, 2);
    }
    const release = await takeLock(join(buildRoot, 'setup.lock'), (who) =>
      progress.step(`waiting for another setup to finish (${who})`),
    );
    try {
      if (packages && !packages.areCurrent()) await packages.install(progress);
      const libtorch = remembered ?? (await obtainLibtorch(progress));
      const place = `libtorch ${libtorch.version} (${libtorch.source}, ${libtorch.libDir})`;
      let record = currentBuild(libtorch, level);
      if (!record) {
        const what = `building the addon for ${place}, ${level} …`;
        progress.step(what);
        record = await build(libtorch, level, (percent) => progress.step(what, `${percent} %`));
        progress.done(`addon built for ${place}, ${level} (${record.seconds} s)`);
      }
      if (!process.env['LIBTORCH']) writeJson(defaultRecord, { libtorch, python: pythonOnPath() });
      return finish(progress, record);
    } finally {
      release();
    }
  } catch (error) {
    progress.clear();
    throw error;
  }
}

/** @param {SetupProgress} progress @param {import('./builds.js').BuildRecord} record */
function finish(progress, { key, libtorch, cpuLevel }) {
  progress.done(`ready (libtorch ${libtorch.version}, ${cpuLevel})`);
  return { libtorch, cpuLevel, addon: addonPath(key) };
}
