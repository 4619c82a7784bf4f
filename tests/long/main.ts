// What takes too long for the suite, one part after the other: `kill -9` at TSUMUGI_KILLS moments (20) of each command that
// resumes; the tests of which `npm test` runs a quick version, whole (with all their seeds, rounds and cases); the files of vitest in
// folders beside this one; then every other file of this folder. A failed part does not keep the others from running.
//   npm run test:long               (an hour or two; 6 GB of disk, 8 GB of memory)
//   npm run test:long -- kills      (parts by their names)
import { spawnSync } from 'node:child_process';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const scripts = globSync('*.ts', { cwd: import.meta.dirname }).filter(
  (file) => file !== basename(import.meta.filename),
);
const killTests = globSync('packages/*/src/**/*kill.test.ts', { cwd: root });
// They ask how much time there is; kill tests are asked by TSUMUGI_KILLS, too.
const thorough = globSync('{packages/*/src/**,tests}/*.test.ts', { cwd: root }).filter(
  (file) =>
    !killTests.includes(file) &&
    /\bexpectOverSeeds\(|thorough\.testing\.ts/.test(readFileSync(join(root, file), 'utf8')),
);
const folders = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const vitest = ['node_modules/vitest/vitest.mjs', 'run'];
const parts: ReadonlyMap<string, readonly string[]> = new Map([
  ['kills', [...vitest, ...killTests]],
  ['thorough', [...vitest, ...thorough]],
  ...folders.map(({ name }): [string, string[]] => [
    name,
    [...vitest, '--config', 'scripts/vitest.long.ts', join('tests', 'long', name, '/')],
  ]),
  ...scripts.sort().map((file): [string, string[]] => [basename(file, '.ts'), [join('tests', 'long', file)]]),
]);

const names = process.argv.length > 2 ? process.argv.slice(2) : [...parts.keys()];
const unknown = names.filter((name) => !parts.has(name));
if (unknown.length > 0) {
  console.error(`error: there is no part "${unknown[0]}": ${[...parts.keys()].join(', ')}`);
  process.exit(2);
}
const failed: string[] = [];
for (const name of names) {
  console.log(`\n=== ${name}`);
  const began = performance.now();
  const { status } = spawnSync(process.execPath, parts.get(name)!, {
    cwd: root,
    env: { TSUMUGI_KILLS: '20', TSUMUGI_LONG: '1', ...process.env },
    stdio: 'inherit',
  });
  if (status !== 0) failed.push(name);
  console.log(
    `=== ${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${((performance.now() - began) / 60_000).toFixed(1)} min`,
  );
}
console.log(
  `\n${names.length - failed.length} parts passed, ${failed.length} failed${failed.map((name) => ` ${name}`).join('')}`,
);
process.exitCode = failed.length > 0 ? 1 : 0;
