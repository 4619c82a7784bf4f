// npm run test:browser: finds a Chromium, or installs Debian's, and runs the tests of the chat page in it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { findBrowser } = await import('../tests/browser/find-browser.ts');

/** @param {string} program @param {string[]} args */
const run = (program, ...args) => spawnSync(program, args, { cwd: root, stdio: 'inherit' }).status ?? 1;

if (findBrowser() === undefined && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
  console.error('there is no Chromium: installing that of the system');
  run('apt-get', 'update', '-qq');
  run('apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-noto-cjk');
}
if (findBrowser() === undefined) {
  console.error('error: these tests need a browser\n  → install Chromium or Chrome, such that it is found on the PATH');
  process.exit(2);
}
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
process.exit(run(process.execPath, vitest, 'run', '--config', 'scripts/vitest.browser.ts', ...process.argv.slice(2)));
