// A skipped test says what it missed: all skips go through `requires`, and the reporter names them.
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

it('is never skipped in another way', () => {
  const others = /\b(?:it|test|describe)(?:\.\w+)*\.(?:skip|skipIf|runIf|todo|only)\b|\bcontext\.skip\b/;
  const files = globSync('{packages/*/{src,test},tests}/**/*.ts', { cwd: root, exclude: ['tests/skips.test.ts'] });
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => others.test(readFileSync(join(root, file), 'utf8')))).toEqual([]);
});

it('is named with its reason, and fails the run when no skips are allowed', () => {
  const folder = mkdtempSync(join(root, 'tests', 'skips-'));
  const run = (env: NodeJS.ProcessEnv, ...args: string[]) => {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const reporter = join(root, 'tests/skips.ts');
    const { status, stdout } = spawnSync(
      process.execPath,
      [vitest, 'run', '--root', folder, '--config', 'none.js', '--reporter', reporter, ...args],
      { encoding: 'utf8', env: { ...process.env, TSUMUGI_NO_SKIPS: '', ...env } },
    );
    return { status, lines: stdout.split('\n').filter(Boolean) };
  };
  try {
    writeFileSync(join(folder, 'none.js'), 'export default {};\n');
    writeFileSync(
      join(folder, 'a.test.ts'),
      `import { describe, expect, it } from 'vitest';
       import { requires } from ${JSON.stringify(join(root, 'tests/requires.testing.ts'))};
       it('runs', requires(true, 'nothing'), () => expect(1).toBe(1));
       it('waits', requires(false, 'a moon'), () => expect(1).toBe(2));
       describe('all', requires(undefined, 'a moon'), () => { it.each([1, 2])('of %i', () => expect(1).toBe(2)); });
       it('turns back', (context) => context.skip('on the way'));`,
    );
    const listed = [
      '  3 skipped: a moon',
      ...['waits', 'all > of 1', 'all > of 2'].map((name) => `    a.test.ts > ${name}`),
      '  1 skipped: on the way',
      '    a.test.ts > turns back',
    ];
    expect(run({})).toEqual({ status: 0, lines: listed });
    expect(run({ TSUMUGI_NO_SKIPS: '1' })).toEqual({
      status: 1,
      lines: [...listed, 'TSUMUGI_NO_SKIPS=1: a skipped test is a failure'],
    });
    expect(run({}, '-t', 'runs')).toEqual({ status: 0, lines: listed.slice(0, 4) });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
