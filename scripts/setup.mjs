// What `scripts/setup` runs, top to bottom: npm packages, libtorch, the addon. Needs nothing but Node 20, because it runs
// before anything is installed. Every step is skipped when its result is there and up to date.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, currentBuild, missingTools, needsOpenblas } from '../packages/native/lib/build.js';
import { buildRoot, defaultRecord, readJson, writeJson } from '../packages/native/lib/builds.js';
import { chooseLevel, readCpuFlags } from '../packages/native/lib/cpu.js';
import { findLibtorch, resolveLibtorch } from '../packages/native/lib/libtorch.js';
import { takeLock } from './setup-lock.mjs';
import { aptInstall, instructions, SetupError } from './system-packages.mjs';

/** @import { Libtorch } from '../packages/native/lib/libtorch.js' */

const root = fileURLToPath(new URL('..', import.meta.url));
const usage = `scripts/setup: gets everything this checkout needs, and does nothing when it is there.
  npm packages; a libtorch (LIBTORCH=folder, an installed Python torch, the system's package, Homebrew: the first found,
  else Debian's packages when run as root); the native addon, built for that libtorch and this CPU.

  --search   look for libtorch again, even when the one chosen last time is still there
  --help     this text

  TSUMUGI_CPU=x86-64-v3 (or another level that this CPU has) builds for that level; set it for what runs afterwards, too.`;

/** One line per step: rewritten in place on a terminal, printed at the start and at the end elsewhere. */
const progress = {
  shown: '',
  /** @param {string} text @param {string} [detail] what changes quickly, for terminals only */
  step(text, detail = '') {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2Ksetup: ${text}${detail && ` ${detail}`}`);
    else if (text !== this.shown) process.stderr.write(`setup: ${text}\n`);
    this.shown = text;
  },
  /** @param {string} text */
  done(text) {
    process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[2K' : ''}setup: ${text}\n`);
    this.shown = '';
  },
};

const seconds = (/** @type {number} */ since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

// --- npm packages ----------------------------------------------------------------------------------------------------

const stamp = join(root, 'node_modules', '.tsumugi-setup');
const currentNode = join(root, 'node_modules', 'node', 'bin', 'node');

const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');

function packagesAreCurrent() {
  return existsSync(stamp) && existsSync(currentNode) && readFileSync(stamp, 'utf8') === lockHash();
}

/** @param {string[]} args */
function npm(args) {
  return new Promise((done) => {
    const child = spawn('npm', args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', (error) => done({ status: null, output: error.message }));
    child.on('close', (status) => done({ status, output }));
  });
}

async function installPackages() {
  const started = performance.now();
  progress.step('installing npm packages …');
  let result = await npm(['install', '--no-audit', '--no-fund']);
  // The `node` package fetches its binary in an install script, which an interrupted install never runs again.
  if (result.status === 0 && !existsSync(currentNode)) result = await npm(['rebuild', 'node', '--foreground-scripts']);
  if (result.status !== 0 || !existsSync(currentNode)) {
    const tail = result.output
      .trim()
      .split('\n')
      .slice(-12)
      .map((/** @type {string} */ line) => `  ${line}`);
    throw new SetupError(
      `npm packages could not be installed:\n${tail.join('\n')}`,
      'check the network and npm settings, then run `npm install`',
    );
  }
  writeFileSync(stamp, lockHash());
  progress.done(`npm packages installed (${seconds(started)})`);
}

// --- libtorch --------------------------------------------------------------------------------------------------------

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

/** @returns {Promise<Libtorch>} */
async function obtainLibtorch() {
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
      progress.done(`installed ${wanted.join(', ')} (${outcome.packages} packages, ${seconds(started)})`);
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

// --- all together ----------------------------------------------------------------------------------------------------

/** @param {string[]} args */
async function main(args) {
  const unknown = args.find((arg) => !['--search', '--help', '-h'].includes(arg));
  if (unknown !== undefined) throw new SetupError(`unknown option ${unknown}`, 'see scripts/setup --help', 2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 20)
    throw new SetupError(`Node ${process.versions.node} is too old`, 'install Node 20 or newer with npm', 2);

  const { level, problem } = chooseLevel(process.env, readCpuFlags());
  if (problem) throw new SetupError(problem.message, problem.remedy, 2);
  const remembered = args.includes('--search') ? undefined : rememberedLibtorch();
  if (packagesAreCurrent() && remembered && currentBuild(remembered, level)) {
    progress.done(`ready (libtorch ${remembered.version}, ${level})`);
    return;
  }

  mkdirSync(buildRoot, { recursive: true });
  await takeLock(join(buildRoot, 'setup.lock'), (who) => progress.step(`waiting for another setup to finish (${who})`));
  if (!packagesAreCurrent()) await installPackages();
  const libtorch = remembered ?? (await obtainLibtorch());
  const place = `libtorch ${libtorch.version} (${libtorch.source}, ${libtorch.libDir})`;
  if (!currentBuild(libtorch, level)) {
    const what = `building the addon for ${place}, ${level} …`;
    progress.step(what);
    const record = await build(libtorch, level, (percent) => progress.step(what, `${percent} %`));
    progress.done(`addon built for ${place}, ${level} (${record.seconds} s)`);
  }
  if (!process.env['LIBTORCH']) writeJson(defaultRecord, { libtorch, python: pythonOnPath() });
  progress.done(`ready (libtorch ${libtorch.version}, ${level})`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { message, remedy, exitCode } = /** @type {Partial<SetupError> & Error} */ (error);
  if (remedy === undefined) throw error;
  progress.done(`${message}\n  → ${remedy}`);
  process.exit(exitCode ?? 1);
}
