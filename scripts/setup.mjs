// What `scripts/setup` runs: npm packages, then the addon (packages/native/lib/setup.js). Needs nothing but Node 20, because it
// runs before anything is installed. Every step is skipped when its result is there and up to date.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUp } from '../packages/native/lib/setup.js';
import { secondsSince } from '../packages/native/lib/setup-progress.js';
import { SetupError } from '../packages/native/lib/system-packages.js';

/** @import { SetupProgress } from '../packages/native/lib/setup-progress.js' */

const root = fileURLToPath(new URL('..', import.meta.url));
const usage = `scripts/setup: gets everything this checkout needs, and does nothing when it is there.
  npm packages; a libtorch (LIBTORCH=folder, an installed Python torch, the system's package, Homebrew: the first found,
  else Debian's packages when run as root); the native addon, built for that libtorch and this CPU.

  --search   look for libtorch again, even when the one chosen last time is still there
  --help     this text

  TSUMUGI_CPU=x86-64-v3 (or another level that this CPU has) builds for that level; set it for what runs afterwards, too.`;

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

/** @param {SetupProgress} progress */
async function installPackages(progress) {
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
  progress.done(`npm packages installed (${secondsSince(started)})`);
}

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
  const packages = { areCurrent: packagesAreCurrent, install: installPackages };
  await setUp({ search: args.includes('--search'), packages });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { message, remedy, exitCode } = /** @type {Partial<SetupError> & Error} */ (error);
  if (remedy === undefined) throw error;
  process.stderr.write(`setup: ${message}\n  → ${remedy}\n`);
  process.exit(exitCode ?? 1);
}
