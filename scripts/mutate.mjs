// npm run mutate [-- GROUP … | FILE …] [--survivors]: mutation testing. Stryker changes one place of the code at a time and runs
// the tests that reach it; a change that no test notices is a survivor. Every file must have a score of 85 % or more. A FILE,
// such as lm/cache.ts, is changed alone, under the tests of its group. Reports lie in build/mutation. It takes long: not part
// of `npm test`.
import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';

const root = fileURLToPath(new URL('..', import.meta.url));
const src = 'packages/tsumugi/src';
const LOWEST_SCORE = 85;

/** Group → the files that are changed and the tests that are asked. Tests that start processes of their own see no change. */
const groups = {
  loop: {
    mutate: ['loop/loop.ts', 'loop/schedule.ts', 'train/step-gradients.ts'],
    tests: ['loop/**/*.test.ts', 'train/**/*.test.ts', '!train/kill.test.ts'],
  },
  optim: { mutate: ['optim/*.ts', '!optim/index.ts'], tests: ['optim/**/*.test.ts'] },
  sampling: {
    mutate: ['lm/sampling.ts'],
    tests: ['lm/sampling.test.ts', 'lm/generate.test.ts', 'lm/engine/*.test.ts'],
  },
  lm: {
    mutate: ['lm/*.ts', 'lm/engine/*.ts', '!lm/index.ts', '!lm/sampling.ts'],
    tests: ['lm/**/*.test.ts', '!lm/learning.test.ts'],
  },
  gan: { mutate: ['gan/trainer.ts', 'gan/losses.ts'], tests: ['gan/*.test.ts', '!gan/kill.test.ts'] },
  losses: {
    mutate: ['nn/losses.ts', 'nn/functional/cross-entropy.ts'],
    tests: ['nn/**/*.test.ts'],
  },
  metrics: { mutate: ['eval/metrics/*.ts'], tests: ['eval/metrics/*.test.ts'] },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { survivors: { type: 'boolean', default: false } },
});
for (const name of positionals.filter((each) => !(each in groups))) {
  const group = Object.values(groups).find(({ mutate }) => mutate.some((pattern) => matchesGlob(name, pattern)));
  if (!group || !existsSync(join(root, src, name))) {
    console.error(`mutate: no group or file of one: ${name}; the groups are ${Object.keys(groups).join(', ')}`);
    process.exit(2);
  }
  Object.assign(groups, { [name]: { ...group, mutate: [name] } });
}

/** @param {string} pattern */
const below = (pattern) => (pattern.startsWith('!') ? `!${src}/${pattern.slice(1)}` : `${src}/${pattern}`);
/** @param {string} pattern */
const isExclusion = (pattern) => pattern.startsWith('!');

// Threads that wait by spinning would make a busy machine's slow tests count as changes that were found.
process.env['OMP_NUM_THREADS'] = '1';

let low = 0;
for (const [name, { mutate, tests }] of Object.entries(groups)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  process.env['TSUMUGI_MUTATION_TESTS'] = JSON.stringify({
    include: tests.filter((each) => !isExclusion(each)).map(below),
    exclude: tests.filter(isExclusion).map((each) => below(each.slice(1))),
  });
  const report = join(root, 'build', 'mutation', `${name.replaceAll('/', '-')}.json`);
  await new Stryker({
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner', './scripts/mutation-ignorer.mjs'],
    ignorers: ['error-words'],
    vitest: { configFile: 'scripts/vitest.mutation.ts', related: false },
    mutate: [...mutate.map(below), `!${src}/**/*.test.ts`, `!${src}/**/*.testing.ts`],
    coverageAnalysis: 'perTest',
    concurrency: 1, // the addon has threads of its own
    timeoutMS: 30_000,
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: report },
    tempDirName: 'build/mutation/sandbox',
    tsconfigFile: 'none', // Stryker rewrites a tsconfig by an interface that TypeScript 7 does not have
  }).runMutationTest();
  low += printScores(name, report);
}
if (low > 0) {
  console.log(`${low} files below ${LOWEST_SCORE} %`);
  process.exitCode = 1;
}

/** @typedef {{ status: string, location: { start: { line: number } }, replacement: string }} Mutant */

/**
 * @param {string} group
 * @param {string} report
 * @returns {number} how many files are below the score
 */
function printScores(group, report) {
  if (!existsSync(report)) throw new Error(`${group}: Stryker wrote no report`);
  /** @type {Record<string, { mutants: Mutant[], source: string }>} */
  const files = JSON.parse(readFileSync(report, 'utf8')).files;
  let below = 0;
  console.log(`\n${group}`);
  for (const [file, { mutants, source }] of Object.entries(files)) {
    /** @param {string[]} states */
    const count = (...states) => mutants.filter(({ status }) => states.includes(status)).length;
    const found = count('Killed', 'Timeout');
    const missed = count('Survived', 'NoCoverage');
    if (found + missed === 0) continue;
    const score = (100 * found) / (found + missed);
    const slow = count('Timeout');
    if (score < LOWEST_SCORE) below++;
    console.log(
      `${score.toFixed(1).padStart(6)} %  ${String(found).padStart(4)} of ${found + missed}  ${file.slice(src.length + 1)}` +
        (slow > 0 ? ` (${slow} by running out of time)` : ''),
    );
    if (values.survivors) printSurvivors(mutants, source.split('\n'));
  }
  return below;
}

/**
 * @param {Mutant[]} mutants
 * @param {string[]} lines
 */
function printSurvivors(mutants, lines) {
  for (const { status, location, replacement } of mutants) {
    if (status !== 'Survived' && status !== 'NoCoverage') continue;
    const { line } = location.start;
    console.log(`    ${line}: ${lines[line - 1]?.trim()}\n        → ${replacement.split('\n')[0]}  (${status})`);
  }
}
