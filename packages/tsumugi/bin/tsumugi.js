#!/usr/bin/env node
// The `tsumugi` command. Runs the command line in src/cli, which needs Node 24; started by an older Node, it starts itself
// again with the one that the npm package `node` brings.
import module from 'node:module';

/** The newer Node's path, or undefined: node_modules/node/bin/node in the nearest node_modules above. */
async function newerNode() {
  const { existsSync } = await import('node:fs');
  const { dirname, join } = await import('node:path');
  try {
    const folder = dirname(module.createRequire(import.meta.url).resolve('node/package.json'));
    const path = join(folder, 'bin', 'node');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** What a person should do about an old Node, in the checkout (which has the sources) and elsewhere. */
async function advice() {
  const { existsSync } = await import('node:fs');
  return existsSync(new URL('../src/cli/main.ts', import.meta.url))
    ? 'run `npm run setup`, which installs one, or install it yourself'
    : 'install it (https://nodejs.org), or add one to this project with `npm install node`';
}

/** Whether this process is in the foreground of a terminal, whose Ctrl-C then reaches its children too; also behind pipes. */
async function inForeground() {
  if (process.platform !== 'linux') return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const { readFileSync } = await import('node:fs');
  const status = readFileSync('/proc/self/stat', 'utf8');
  // After the name: state, parent, process group, session, terminal, the terminal's foreground group (proc(5)).
  const [, , group, , , foreground] = status.slice(status.lastIndexOf(')') + 2).split(' ');
  return group === foreground;
}

/** Runs the command under `node`, and ends as it ends: same exit code, same signal. */
async function restartWith(/** @type {string} */ node) {
  const { spawn } = await import('node:child_process');
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'])) {
    // What a terminal's keys send reaches the child by itself; a second one would count as impatience.
    const mayBeKey = signal === 'SIGINT' || signal === 'SIGQUIT';
    process.on(signal, async () => (mayBeKey && (await inForeground())) || child.kill(signal));
  }
  await new Promise((done, fail) => child.on('error', fail).on('exit', done));
  if (child.signalCode !== null) {
    process.removeAllListeners(child.signalCode);
    process.kill(process.pid, child.signalCode);
  }
  process.exitCode = child.exitCode ?? 1;
}

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // Keeps compiled and type-stripped sources between runs: a third of the start-up time.
  module.enableCompileCache();
  // Stacks that are asked for name the lines of the sources, also in the package.
  if (process.argv.includes('--debug')) process.setSourceMapsEnabled(true);
  const { main } = await import('../src/cli/main.ts');
  process.exitCode = await main(process.argv.slice(2));
} else {
  const node = await newerNode();
  if (node !== undefined) {
    await restartWith(node);
  } else {
    process.stderr.write(
      `tsumugi: Node 24 or newer is needed and this is ${process.versions.node}; ${await advice()}\n`,
    );
    process.exitCode = 2;
  }
}
