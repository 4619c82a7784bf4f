// TSUMUGI_DEVICE is read once, so each case is a process of its own. The device `meta` is there without a GPU, and shows where things
// are made.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const library = fileURLToPath(new URL('./index.ts', import.meta.url));

/** What the expressions, with `t` as the library, give on the device: one text for each. */
function evaluated(device: string | undefined, ...expressions: string[]) {
  const program = `import * as t from ${JSON.stringify(library)};
    console.log([${expressions.map((each) => `() => ${each}`)}].map((run) => {
      try { return String(run()); } catch (error) { return error.message; }
    }).join('\\n'));`;
  const { TSUMUGI_DEVICE: _, ...env } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...env, ...(device !== undefined && { TSUMUGI_DEVICE: device }) },
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

const factories = ['zeros([2])', 'ones(2)', 'empty(2)', 'full([2], 7)', 'eye(2)', 'arange(3)', 'linspace(0, 1, 3)'];
const made = [...factories, 'tensor([1, 2])', 'tensor(Float32Array.of(1))'].map((each) => `t.${each}`);

it('is where everything is made that names no device', () => {
  const devices = made.map((each) => `${each}.device`);
  expect(evaluated('meta', ...devices, 't.defaultDevice()')).toEqual([...devices, ''].map(() => 'meta'));
  expect(evaluated(undefined, ...devices, 'new t.Rng(0).device')).toEqual([...devices, ''].map(() => 'cpu'));
});

it('leaves alone what names one', () => {
  expect(
    evaluated('meta', "t.zeros([2], { device: 'cpu' }).device", "t.tensor([1], { device: 'cpu' }).device"),
  ).toEqual(['cpu', 'cpu']);
});

it('makes random numbers where their stream is', () => {
  const draws = ['t.randn(2, rng)', 't.rand([2], rng)', 't.randint(0, 3, [2], { rng })'];
  const of = draws.map((draw) => `((rng) => ${draw}.device)(new t.Rng(0, 'cpu'))`);
  expect(evaluated('meta', ...of)).toEqual(draws.map(() => 'cpu'));
});

it('counts as unset when it is empty', () => {
  expect(evaluated('', 't.zeros(2).device')).toEqual(['cpu']);
});

it('must name a device that is there', () => {
  const [error] = evaluated('gpu', 't.zeros(2)');
  expect(error).toBe('TSUMUGI_DEVICE: expected cpu, cuda or cuda:N, got "gpu"');
});
