// Installing what the system lacks: with apt-get where that works unattended, else exact instructions for a person.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setupCommand } from './builds.js';
import { isSupported, minimumVersion } from './libtorch.js';

/** A setup that cannot go on; `remedy` says what to do. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {string} remedy
   * @param {number} [exitCode] 2 for a mistake in what was asked, 1 otherwise
   */
  constructor(message, remedy, exitCode = 1) {
    super(message);
    this.name = 'SetupError';
    this.code = 'setup-failed';
    this.remedy = remedy;
    this.exitCode = exitCode;
  }
}

const aptGet = '/usr/bin/apt-get';
const noninteractive = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };

/**
 * What a person should run to get these Debian packages, or their like, on this system.
 * @param {string[]} wanted
 * @returns {string}
 */
export function instructions(wanted) {
  if (process.platform === 'darwin') {
    const tools = wanted.filter((each) => each !== 'libtorch-dev' && !each.startsWith('libopenblas'));
    const brew = [
      ...tools.map((each) => (each === 'g++' ? 'gcc' : each)),
      ...(wanted.includes('libtorch-dev') ? ['pytorch'] : []),
    ];
    return `run \`brew install ${brew.join(' ')}\`, then \`${setupCommand}\` again`;
  }
  const torch = wanted.includes('libtorch-dev');
  const apt = `\`sudo apt-get install --no-install-recommends ${[...wanted, ...(torch && !wanted.includes('libopenblas0-openmp') ? ['libopenblas0-openmp'] : [])].join(' ')}\``;
  if (existsSync(aptGet) && !torch) return `run ${apt}, then \`${setupCommand}\` again`;
  if (existsSync(aptGet)) {
    return `run ${apt} (Debian 12 or newer), or install torch for python3 (\`pip install torch\`), or unpack a libtorch and set LIBTORCH to its folder; then \`${setupCommand}\` again`;
  }
  const tools = wanted.filter((each) => each !== 'libtorch-dev' && !each.startsWith('libopenblas'));
  const first = tools.length > 0 ? `install ${tools.join(', ')} with this system's package manager, and ` : '';
  return `${first}install torch for python3 (\`pip install torch\`), or unpack a libtorch and set LIBTORCH to its folder; then \`${setupCommand}\` again`;
}

/**
 * The version apt would install, from the output of `apt-cache policy`.
 * @param {string} policy
 * @returns {string | undefined}
 */
export function parseCandidate(policy) {
  const candidate = /^ {2}Candidate: (\S+)/m.exec(policy)?.[1];
  return candidate === '(none)' ? undefined : candidate;
}

/** @param {string} name */
function candidate(name) {
  return parseCandidate(
    spawnSync('apt-cache', ['policy', name], { env: noninteractive, encoding: 'utf8' }).stdout ?? '',
  );
}

/**
 * Follows apt-get's output: how far it is, in percent, over fetching, unpacking and setting up.
 * @returns {{ packages: number, follow(line: string): number | undefined }}
 */
export function aptProgress() {
  let steps = 0;
  return {
    packages: 0,
    follow(line) {
      const count = /, (\d+) newly installed/.exec(line);
      if (count) this.packages = Number(count[1]);
      else if (/^(Get:\d+|Unpacking|Setting up) /.test(line)) steps++;
      else return undefined;
      return this.packages > 0 ? Math.min(100, Math.floor((100 * steps) / (3 * this.packages))) : undefined;
    },
  };
}

/**
 * @param {string[]} command
 * @param {(line: string) => void} onLine
 * @returns {Promise<{ status: number | null, lines: string[] }>}
 */
function run(command, onLine) {
  return new Promise((done, fail) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, { env: noninteractive, stdio: ['ignore', 'pipe', 'pipe'] });
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
    }
    child.on('error', fail);
    child.on('close', (status) => done({ status, lines }));
  });
}

/**
 * Installs Debian packages without asking, when this is a Debian and we are root or sudo needs no password.
 * @param {string[]} wanted
 * @param {(detail: string) => void} onProgress
 * @returns {Promise<{ installed: true, packages: number } | { installed: false, reason: string }>}
 * @throws {SetupError} when apt-get was allowed to and failed
 */
export async function aptInstall(wanted, onProgress) {
  if (!existsSync(aptGet)) return { installed: false, reason: 'this is no Debian-like system' };
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) {
    return { installed: false, reason: 'not root, and sudo asks for a password' };
  }
  const asRoot = isRoot ? [] : ['sudo', '-n', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C'];
  const update = async () => {
    onProgress('reading package lists');
    await run([...asRoot, aptGet, 'update'], () => {});
  };

  if (wanted.some((name) => candidate(name) === undefined)) await update();
  const absent = wanted.filter((name) => candidate(name) === undefined);
  if (absent.length > 0)
    return { installed: false, reason: `this system's packages do not include ${absent.join(', ')}` };
  const torch = wanted.includes('libtorch-dev') ? candidate('libtorch-dev') : undefined;
  if (torch !== undefined && !isSupported(torch.replace(/^\d+:/, ''))) {
    return {
      installed: false,
      reason: `this system's libtorch-dev is ${torch}; ${minimumVersion} or newer is needed`,
    };
  }

  const install = ['install', '--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...wanted];
  for (let attempt = 0; ; attempt++) {
    const progress = aptProgress();
    const { status, lines } = await run([...asRoot, aptGet, ...install], (line) => {
      const percent = progress.follow(line);
      if (percent !== undefined) onProgress(`${percent} %`);
    });
    if (status === 0) return { installed: true, packages: progress.packages };
    if (attempt === 1) {
      const tail = lines
        .filter((line) => line.trim() !== '')
        .slice(-10)
        .map((line) => `  ${line}`);
      throw new SetupError(`apt-get could not install ${wanted.join(', ')}:\n${tail.join('\n')}`, instructions(wanted));
    }
    // Old package lists name files that the archive no longer has.
    await update();
  }
}
