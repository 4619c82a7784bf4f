// npm run mutate [-- GROUP … | FILE …] [--survivors]: mutation testing. Stryker changes one place of the code at a time and runs
// the tests that reach it; a change that no test notices is a survivor. Every file must have a score of 85 % or more. The tests
// beside a file are asked first; where it has less by them, the quick tests of its group about what they missed, then all of
// them. A FILE, such as lm/cache.ts, is changed alone, under the tests of its group. Reports lie in build/mutation. It takes
// long: not part of `npm test`.
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';

const root = fileURLToPath(new URL('..', import.meta.url));
const src = 'packages/tsumugi/src';
const LOWEST_SCORE = 85;

/**
 * Group → the files that are changed and the tests that are asked; `quick` ones first. Tests that start processes of their own
 * see no change.
 *
 * @type {Record<string, { mutate: string[], tests: string[], quick?: string[] }>}
 */
const groups = {
  loop: {
    mutate: ['loop/loop.ts', 'loop/schedule.ts', 'train/step-gradients.ts'],
    tests: ['loop/**/*.test.ts', 'train/**/*.test.ts', '!train/kill.test.ts'],
    quick: ['loop/**/*.test.ts', 'train/step-gradients.test.ts', 'train/parts.test.ts'],
  },
  optim: { mutate: ['optim/*.ts', '!optim/index.ts'], tests: ['optim/**/*.test.ts'] },
  sampling: {
    mutate: ['lm/sampling.ts'],
    tests: ['lm/sampling.test.ts', 'lm/generate.test.ts', 'lm/engine/*.test.ts'],
  },
  lm: {
    mutate: ['lm/*.ts', 'lm/engine/*.ts', '!lm/index.ts', '!lm/sampling.ts'],
    tests: ['lm/**/*.test.ts', '!lm/learning.test.ts'],
    quick: [
      'lm/*.test.ts',
      'lm/engine/*.test.ts',
      '!lm/engine/mixes.test.ts',
      '!lm/{learning,generate,folder,init,activation-checkpointing}.test.ts',
    ],
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
  options: { survivors: { type: 'boolean', default: false }, concurrency: { type: 'string', default: '1' } },
});
/** @type {typeof groups} Files named by themselves, those of one group together. */
const parts = {};
for (const name of positionals.filter((each) => !(each in groups))) {
  const found = Object.entries(groups).find(([, { mutate }]) => mutate.some((pattern) => matchesGlob(name, pattern)));
  if (!found || !existsSync(join(root, src, name))) {
    console.error(`mutate: no group or file of one: ${name}; the groups are ${Object.keys(groups).join(', ')}`);
    process.exit(2);
  }
  const [group, { tests, quick }] = found;
  parts[`${group}: files`] = {
    mutate: [...(parts[`${group}: files`]?.mutate ?? []), name],
    tests,
    ...(quick && { quick }),
  };
}
const chosen = Object.entries(groups).filter(([name]) => positionals.length === 0 || positionals.includes(name));

/** @param {string} pattern */
const below = (pattern) => (pattern.startsWith('!') ? `!${src}/${pattern.slice(1)}` : `${src}/${pattern}`);
/**
 * The tests beside a file: those of loop.ts are loop.test.ts and, say, loop-events.test.ts.
 *
 * @param {string} file
 * @returns {[string, string]}
 */
const testsOf = (file) => [file.replace(/\.ts$/, '.test.ts'), file.replace(/\.ts$/, '-*.test.ts')];
/** @param {string} pattern */
const isExclusion = (pattern) => pattern.startsWith('!');

// Threads that wait by spinning would make a busy machine's slow tests count as changes that were found.
process.env['OMP_NUM_THREADS'] = '1';
process.env['TSUMUGI_THREADS'] = '1';

let low = 0;
for (const [name, { mutate, tests, quick }] of [...chosen, ...Object.entries(parts)]) {
  /** @type {Report} */
  const report = {};
  const files = globSync(mutate.filter((each) => !isExclusion(each)).map(below), { cwd: root }).filter(
    (file) =>
      !/\.(test|testing)\.ts$/.test(file) &&
      !mutate.some((each) => isExclusion(each) && matchesGlob(file, below(each).slice(1))),
  );
  const own = files.filter((file) => existsSync(join(root, testsOf(file)[0])));
  for (const file of own) {
    const inside = file.slice(src.length + 1);
    merge(report, await runStryker(inside, [file], testsOf(inside)));
  }
  let left = [...files.filter((file) => !own.includes(file)), ...survivors(report)];
  for (const [stage, asked] of Object.entries({ quick, all: tests })) {
    if (asked === undefined || left.length === 0) continue;
    merge(report, await runStryker(`${name}-${stage}`, left, asked));
    left = survivors(report);
  }
  low += printScores(name, report);
}
if (low > 0) {
  console.log(`${low} files below ${LOWEST_SCORE} %`);
  process.exitCode = 1;
}

/** @typedef {{ line: number, column: number }} Place */
/** @typedef {{ status: string, location: { start: Place, end: Place }, mutatorName: string, replacement: string }} Mutant */
/** @typedef {Record<string, { mutants: Mutant[], source: string }>} Report File → what was changed in it. */

/**
 * @param {string} name
 * @param {string[]} files
 * @param {string[]} tests
 * @returns {Promise<Report>}
 */
async function runStryker(name, files, tests) {
  process.env['TSUMUGI_MUTATION_TESTS'] = JSON.stringify({
    include: tests.filter((each) => !isExclusion(each)).map(below),
    exclude: tests.filter(isExclusion).map((each) => below(each.slice(1))),
  });
  const report = join(root, 'build', 'mutation', `${name.replaceAll(/[^\w-]+/g, '-')}.json`);
  rmSync(report, { force: true });
  await new Stryker({
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner', './scripts/mutation-ignorer.mjs'],
    ignorers: ['no-effect'],
    vitest: { configFile: 'scripts/vitest.mutation.ts', related: false },
    mutate: files,
    coverageAnalysis: 'perTest',
    concurrency: Number(values.concurrency),
    timeoutMS: 10_000,
    dryRunTimeoutMinutes: 30,
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: report },
    tempDirName: 'build/mutation/sandbox',
    tsconfigFile: 'none', // Stryker rewrites a tsconfig by an interface that TypeScript 7 does not have
  }).runMutationTest();
  if (!existsSync(report)) throw new Error(`${name}: Stryker wrote no report`);
  return JSON.parse(readFileSync(report, 'utf8')).files;
}

/** @param {Mutant} mutant */
function isMissed({ status }) {
  return status === 'Survived' || status === 'NoCoverage';
}

/** @param {Mutant} mutant */
function isFound({ status }) {
  return status === 'Killed' || status === 'Timeout';
}

/**
 * In percent; NaN where nothing was changed.
 *
 * @param {Mutant[]} mutants
 */
function scoreOf(mutants) {
  const found = mutants.filter(isFound).length;
  return (100 * found) / (found + mutants.filter(isMissed).length);
}

/** @param {Mutant} mutant */
function identity({ location: { start, end }, mutatorName, replacement }) {
  return [start.line, start.column, end.line, end.column, mutatorName, replacement].join();
}

/**
 * The places of what was missed in files below the score, as Stryker takes them: `file:line:column-line:column`.
 *
 * @param {Report} report
 */
function survivors(report) {
  const low = Object.entries(report).filter(([, { mutants }]) => scoreOf(mutants) < LOWEST_SCORE);
  const places = low.flatMap(([file, { mutants }]) =>
    mutants
      .filter(isMissed)
      // Reports count columns from 1, ranges from 0.
      .map(
        ({ location: { start: from, end: to } }) =>
          `${file}:${from.line}:${from.column - 1}-${to.line}:${to.column - 1}`,
      ),
  );
  return [...new Set(places)];
}

/**
 * Adds to a report the files of another, and what that one says of the mutants that the first one missed.
 *
 * @param {Report} report
 * @param {Report} more
 */
function merge(report, more) {
  for (const [file, found] of Object.entries(more)) {
    const known = report[file] ?? found;
    report[file] = known;
    const again = new Map(found.mutants.map((mutant) => [identity(mutant), mutant.status]));
    for (const mutant of known.mutants.filter(isMissed)) mutant.status = again.get(identity(mutant)) ?? mutant.status;
  }
}

/**
 * @param {string} group
 * @param {Report} files
 * @returns {number} how many files are below the score
 */
function printScores(group, files) {
  let below = 0;
  console.log(`\n${group}`);
  for (const [file, { mutants, source }] of Object.entries(files)) {
    const score = scoreOf(mutants);
    if (Number.isNaN(score)) continue;
    const found = mutants.filter(isFound).length;
    const slow = mutants.filter(({ status }) => status === 'Timeout').length;
    if (score < LOWEST_SCORE) below++;
    console.log(
      `${score.toFixed(1).padStart(6)} %  ${String(found).padStart(4)} of ${found + mutants.filter(isMissed).length}  ${file.slice(src.length + 1)}` +
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
  for (const { status, location, replacement } of mutants.filter(isMissed)) {
    const { line } = location.start;
    console.log(`    ${line}: ${lines[line - 1]?.trim()}\n        → ${replacement.split('\n')[0]}  (${status})`);
  }
}
