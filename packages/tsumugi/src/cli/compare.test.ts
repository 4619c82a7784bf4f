// `tsumugi report` and `tsumugi compare` on runs whose numbers are known.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRun, writeTraining } from '../compare/runs.testing.ts';
import { runCli } from './cli.testing.ts';

let home: string;
const at = (...names: string[]) => join(home, ...names);

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-compare-'));
  // Two settings with two seeds each.
  for (const [
    name,
    zLoss,
    seed,
    end,
  ] of [['plain-0', 0, 0, 2], ['plain-1', 0, 1, 4], ['z-0', 1e-4, 0, 1], ['z-1', 1e-4, 1, 1.5]] as const) // biome-ignore format: rows
    writeTraining(at(name), { zLoss, seed, model: { size: 8 } }, [8, 6, end], end + 0.5);
});
afterAll(() => rmSync(home, { recursive: true }));

const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await runCli([...args, '--json']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};

describe('tsumugi report', () => {
  it('says what a run came to, and writes the page beside it', async () => {
    const { code, stdout } = await runCli(['report', at('plain-0')]);
    expect(code).toBe(0);
    expect(stdout).toContain('plain-0: pretrain, done, 3 steps');
    expect(stdout).toMatch(/loss, nats per token: held-out +2\.500/);
    expect(stdout).toMatch(/tokens +300/);
    expect(stdout).toMatch(/loss, nats per token: training +8\.000 +█▆▁ +2\.000/);
    const html = readFileSync(at('plain-0', 'report.html'), 'utf8');
    expect(html).toContain('<h1>plain-0</h1>');
    expect(html).toContain('model.size');
  });

  it('gives metrics and curves as JSON, and writes nothing', async () => {
    const found = await json('report', at('z-0'));
    expect(existsSync(at('z-0', 'report.html'))).toBe(false);
    expect(found.curves[0]).toEqual({ chart: 'loss, nats per token', name: 'training', points: [[1, 8], [2, 6], [3, 1]] }); // biome-ignore format: pairs
    expect(found.metrics).toContainEqual({ name: 'loss, nats per token: held-out', value: 1.5, unit: '' });
    // The start at 10 s, three steps, the evaluation: 40 s of work.
    expect(found.metrics).toContainEqual({ name: 'time', value: 40, unit: 's' });
  });

  it('writes every number as CSV, with the tokens and the time of work', async () => {
    await json('report', at('plain-1'), '--csv', at('curves.csv'));
    const lines = readFileSync(at('curves.csv'), 'utf8').split('\r\n');
    expect(lines.slice(0, 3)).toEqual([
      'run,chart,curve,step,tokens,seconds,value',
      'plain-1,"loss, nats per token",training,1,100,10,8',
      'plain-1,"loss, nats per token",training,2,200,20,6',
    ]);
    expect(lines.at(-1)).toBe('');
  });

  it('knows runs of GANs, runs that go on, were cut off and taken up, and runs without anything', async () => {
    const start = { type: 'start', step: 0, name: 'gan', totalSteps: 9, resumed: false } as const;
    writeRun(at('gan'), 'gan', { seed: 0 }, [
      start,
      { type: 'step', step: 1, loss: 0.7, metrics: { generatorLoss: 1.25, realLogit: null } },
      { ...start, step: 1, totalSteps: 12, resumed: true, wait: 86_400 },
      { type: 'step', step: 2, loss: 0.5, metrics: { generatorLoss: 1, realLogit: 2 } },
    ]);
    const found = await json('report', at('gan'));
    expect(found).toMatchObject({ kind: 'gan', state: 'not finished', steps: 2, totalSteps: 12 });
    expect(found.curves).toContainEqual({ chart: 'generator loss', name: 'generator loss', points: [[1, 1.25], [2, 1]] }); // biome-ignore format: pairs
    expect(found.curves[0].chart).toBe('loss');
    // A day passed in between, 20 s were work.
    expect(found.metrics).toContainEqual({ name: 'time', value: 20, unit: 's' });
    writeRun(at('empty'), 'gan', {}, []);
    expect((await runCli(['report', at('empty')])).stdout).toContain('nothing was measured yet');
  });

  it('refuses what is no run', async () => {
    const { code, stderr } = await runCli(['report', home]);
    expect(code).toBe(2);
    expect(stderr).toContain('holds no run');
    expect((await runCli(['report', at('nothing')])).stderr).toContain('does not exist');
    writeFileSync(at('recipe.json'), '{}');
    expect((await runCli(['report', home])).stderr).toContain('has not made anything yet');
    rmSync(at('recipe.json'));
  });
});

describe('tsumugi compare', () => {
  const runs = () => ['plain-0', 'plain-1', 'z-0', 'z-1'].map((name) => at(name));

  it('takes runs that differ only in their seed together', async () => {
    const found = await json('compare', ...runs());
    expect(found.differences).toEqual([
      { setting: 'zLoss', values: [0, 0, 1e-4, 1e-4] },
      { setting: 'seed', values: [0, 1, 0, 1] },
    ]);
    expect(found.groups.map(({ name, runs: of }: { name: string; runs: string[] }) => [name, of])).toEqual([
      ['zLoss 0', ['plain-0', 'plain-1']],
      ['zLoss 0.0001', ['z-0', 'z-1']],
    ]);
    // Held out 2.5 and 4.5: mean 3.5, deviation √2, × 12.706 / √2.
    const [metric] = found.groups[0].metrics.filter(({ name }: { name: string }) => name.endsWith('held-out'));
    expect(metric).toMatchObject({ n: 2, mean: 3.5, least: 2.5, greatest: 4.5 });
    expect(metric.high).toBeCloseTo(3.5 + 12.7062, 3);
    const training = found.curves.filter(({ curve }: { curve: string }) => curve === 'training');
    expect(training.map(({ points }: { points: unknown[] }) => points.at(-1))).toEqual([
      { x: 3, y: 3, low: 2, high: 4 },
      { x: 3, y: 1.25, low: 1, high: 1.5 },
    ]);
  });

  it('prints the settings that differ, the metrics, and curves on one range', async () => {
    const { code, stdout } = await runCli(['compare', ...runs(), '--html', at('compare.html'), '--by', 'tokens']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/run +zLoss +seed\n +plain-0 +0 +0\n/);
    expect(stdout).toMatch(/held-out +3\.500 \(2\.500–4\.500\) ± 12\.71 +1\.750 \(1\.500–2\.000\) ± 3\.177/);
    expect(stdout).toMatch(/training, by tokens\n +zLoss 0 +8\.000 +█▆▃ +3\.000\n +zLoss 0\.0001 +8\.000 +█▆▁ +1\.250/);
    const html = readFileSync(at('compare.html'), 'utf8');
    expect(html).toContain('zLoss 0.0001 (2 runs)');
    expect(html).not.toMatch(/NaN|undefined/);
  });

  it('leaves runs with other settings apart, and names their settings as rows when they are many', async () => {
    const other = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`setting${i}`, i]));
    writeTraining(at('other'), other, [9], 9);
    const { stdout } = await runCli(['compare', at('plain-0'), at('other')]);
    expect(stdout).toMatch(/setting +plain-0 +other\n/);
    expect(stdout).toMatch(/setting3 +– +3\n/);
  });

  it('writes a folder of events for each run', async () => {
    await json('compare', ...runs(), '--tensorboard', at('logs'));
    expect(readdirSync(at('logs')).sort()).toEqual(['plain-0', 'plain-1', 'z-0', 'z-1']);
  });

  it('needs two runs, and tokens to go by them', async () => {
    const one = await runCli(['compare', at('z-0')]);
    expect([one.code, one.stderr]).toEqual([2, expect.stringContaining(`tsumugi report ${at('z-0')}`)]);
    for (const name of ['a', 'b']) writeRun(at(name), 'gan', {}, [{ type: 'step', step: 1, loss: 1 }]);
    expect((await runCli(['compare', at('a'), at('b'), '--by', 'tokens'])).stderr).toContain('see no tokens');
  });
});

describe('the names of runs', () => {
  const foldersIn = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('tfevents')).length;

  it('tell apart what lies under like names, in folders of their own', async () => {
    const ends = { 'a/run': 1, 'b/run': 2, 'a-run': 3 };
    for (const [name, end] of Object.entries(ends))
      writeTraining(at('named', name), { zLoss: end, seed: 0 }, [8, end], end);
    const paths = Object.keys(ends).map((name) => at('named', name));
    const { runs } = await json('compare', ...paths, '--tensorboard', at('named', 'logs'));
    expect(runs.map(({ name }: { name: string }) => name)).toEqual(['a/run', 'b/run', 'a-run']);
    for (const name of Object.keys(ends)) expect(foldersIn(at('named', 'logs', name))).toBe(1);
    expect(foldersIn(at('named', 'logs'))).toBe(3);
  });

  it('are no dots, which would lead out of the folder', async () => {
    const { runs } = await json('compare', at('named', 'b', '..', 'a', 'run'), `${at('named', 'b', 'run')}/.`);
    expect(runs.map(({ name }: { name: string }) => name)).toEqual(['a/run', 'b/run']);
  });

  it('are those of different runs', async () => {
    const { code, stderr } = await runCli(['compare', at('plain-0'), at('plain-1'), `${at('plain-0')}/`]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('is given twice\n  → Name each run once.')]);
  });
});
