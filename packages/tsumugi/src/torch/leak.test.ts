// Tensors that pile up outside of scopes are announced, once; what is kept, freed or made in scopes never is.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { isLeak } from './leak.ts';

function warnings(code: string): string[] {
  const program = `import * as t from 'tsumugi/torch'; import { setImmediate } from 'node:timers/promises'; ${code}`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  });
  expect(status, stderr).toBe(0);
  return stderr.split('\n').filter((line) => line.includes('TsumugiWarning'));
}

it.each([
  ['a loop that never waits', 'const x = t.ones([2]); for (let i = 0; i < 12_000; i++) x.add(1);'],
  [
    'tensors in an array',
    'const all = []; for (let i = 0; i < 12_000; i++) { all.push(t.scope(() => t.ones([1]).add(i))); if (i % 100 === 0) await setImmediate(); }',
  ],
])('announces %s, once', (_, code) => {
  const lines = warnings(code);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /\[tensor-leak\] TsumugiWarning: \d+ tensors that were made outside of scopes are still alive/,
  );
});

const silent: [what: string, code: string][] = [
  ['what is kept', 'for (let i = 0; i < 12_000; i++) t.ones([1]).keep();'],
  ['what is freed', 'for (let i = 0; i < 12_000; i++) t.ones([1]).dispose();'],
  ['what is kept and freed', 'for (let i = 0; i < 12_000; i++) t.ones([1]).keep().dispose();'],
  ['scopes', 'for (let i = 0; i < 300; i++) t.scope(() => { for (let j = 0; j < 100; j++) t.ones([1]); });'],
  ['one large scope', 't.scope(() => { for (let j = 0; j < 12_000; j++) t.ones([1]); });'],
  [
    'a loop that waits',
    'for (let i = 0; i < 12_000; i++) { t.ones([1]); if (i % 400 === 0) { globalThis.gc(); await setImmediate(); } }',
  ],
];
it.each(inTime(silent.slice(3), silent))('is silent about %s', (_, code) => {
  expect(
    warnings(
      code.includes('gc()')
        ? `import v8 from 'node:v8'; import vm from 'node:vm'; v8.setFlagsFromString('--expose-gc'); globalThis.gc = vm.runInNewContext('gc'); ${code}`
        : code,
    ),
  ).toEqual([]);
});

it('takes fewer where much memory is alive', () => {
  const gib = 2 ** 30;
  expect([
    isLeak(999, 100 * gib),
    isLeak(1000, gib),
    isLeak(1000, 2 * gib),
    isLeak(9999, gib),
    isLeak(10_000, 0),
  ]).toEqual([false, false, true, false, true]);
});
