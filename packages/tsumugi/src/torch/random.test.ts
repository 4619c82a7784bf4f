// Random streams: passed ones, and the default one of `manualSeed`.
import { execFileSync, spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { defaultRng, manualSeed, ones, Rng, randn, type Rng as Stream, scope } from './index.ts';

const draw = (rng?: Stream) => scope(() => randn([3], rng).tolist());

it('draws the same numbers after the same seed', () => {
  manualSeed(7);
  const [first, second] = [draw(), draw()];
  expect(second).not.toEqual(first);
  manualSeed(7);
  expect([draw(), draw()]).toEqual([first, second]);
  expect(draw(new Rng(7))).toEqual(first);
  manualSeed(8);
  expect(draw()).not.toEqual(first);
});

it('does not touch streams that are passed, nor they it', () => {
  const passed = new Rng(1);
  const expected = [draw(new Rng(1)), draw(manualSeed(2))];
  manualSeed(2);
  expect([draw(passed), draw()]).toEqual(expected);
});

it('is what methods draw from that are given none', () => {
  const fill = () => scope(() => ones([2]).uniform_().tolist());
  manualSeed(3);
  const drawn = fill();
  manualSeed(3);
  expect(fill()).toEqual(drawn);
});

it('can be saved and set back', () => {
  const { state } = defaultRng();
  const first = draw();
  defaultRng().state = state;
  expect(draw()).toEqual(first);
});

const program = (code: string) => ['--input-type=module', '--eval', `import * as t from 'tsumugi/torch'; ${code}`];
const cwd = import.meta.dirname;

it('is announced once, and not when a seed was chosen', () => {
  const { stderr, stdout } = spawnSync(process.execPath, program('console.log([t.rand(1).item(), t.rand(1).item()])'), {
    encoding: 'utf8',
    cwd,
  });
  expect(stderr.match(/random numbers come from the default stream with seed 0/g)).toHaveLength(1);
  expect(stderr).toContain('manualSeed(seed)');
  const seeded = spawnSync(
    process.execPath,
    program('t.manualSeed(0); console.log([t.rand(1).item(), t.rand(1).item()])'),
    {
      encoding: 'utf8',
      cwd,
    },
  );
  expect(seeded.stderr).toBe('');
  expect(seeded.stdout).toBe(stdout);
});

it('has a value of its own for each seed', () => {
  const code = 't.manualSeed(Number(process.env.SEED)); console.log(t.rand(1).item())';
  const run = (SEED: string) => execFileSync(process.execPath, program(code), { cwd, env: { ...process.env, SEED } });
  expect(run('1')).not.toEqual(run('2'));
});
