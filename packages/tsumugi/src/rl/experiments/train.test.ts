// A training from settings to folders: what it writes, that it goes on bit for bit, how it ends early, what it refuses.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256File } from '../../base/index.ts';
import { readCurves, readEvents } from '../../run/index.ts';
import { silent, type TinyRuns, tinyRuns } from './experiments.testing.ts';
import { linearInterpolationHook, trainAgent } from './index.ts';

let runs: TinyRuns;
beforeAll(() => {
  runs = tinyRuns();
});
afterAll(() => runs[Symbol.dispose]());

const weights = (name: string, folder = 'model') => sha256File(runs.at(name, folder, 'model.safetensors'));
const events = (name: string) => readEvents(runs.at(name, 'events.jsonl'));
/** Scores without the column that the clock makes. */
const scores = (name: string) =>
  readFileSync(runs.at(name, 'scores.txt'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t').filter((_, i) => i !== 2));
/** What happened, without what the clock says. */
const happened = (name: string) =>
  events(name)
    .filter(({ type }) => type === 'step' || type === 'evaluation')
    .map((event) => {
      const { metrics = {} } = event as { metrics?: Record<string, unknown> };
      const { stepsPerSecond: _, ...others } = metrics;
      return [event.type, event.step, others];
    });

it('learns, and writes agent, best agent, scores and curves', async () => {
  const result = await trainAgent(runs.config('whole', { steps: 600 }), { stream: silent });
  expect(result).toMatchObject({ interrupted: false, steps: 600, folder: runs.at('whole', 'model') });
  expect(result.evaluation!.mean).toBeGreaterThan(0.5);
  expect(readdirSync(runs.at('whole', 'model')).sort()).toEqual(['agent.json', 'lineage.json', 'model.safetensors']);
  const [header, ...rows] = scores('whole');
  expect(header).toEqual('steps episodes mean median stdev max min loss n_updates'.split(' '));
  expect(rows.map(([steps]) => Number(steps))).toEqual([100, 200, 300, 400, 500, 600]);
  const best = JSON.parse(readFileSync(runs.at('whole', 'best', 'agent.json'), 'utf8'));
  const means = rows.map((row) => Number(row[2]));
  expect(best.evaluation.mean).toBe(Math.max(...means));
  expect(best.steps).toBe(Number(rows[means.indexOf(best.evaluation.mean)]![0]));
  const curves = readCurves(runs.at('whole', 'events.jsonl'));
  const returns = curves.filter(({ chart }) => chart === 'return');
  expect(returns.map(({ name }) => name).sort()).toEqual(['evaluation', 'return']);
  expect(returns.find(({ name }) => name === 'evaluation')!.points).toHaveLength(6);
  expect(curves.map(({ chart }) => chart)).toEqual(
    expect.arrayContaining(['loss', 'episode length', 'steps per second', 'n updates']),
  );
});

describe('goes on bit for bit', () => {
  it.each([
    ['with one environment', {}],
    ['with several', { numEnvironments: 3 }],
  ])('%s', async (name, changes) => {
    const once = `once ${name}`;
    const settings = { ...changes, seed: 4 };
    await trainAgent(runs.config(once, settings), { stream: silent });
    const parts = `parts ${name}`;
    for (const steps of [75, 222, 300])
      await trainAgent(runs.config(parts, { ...settings, steps }), { stream: silent, resume: true });
    expect(weights(parts)).toBe(weights(once));
    expect(scores(parts).at(-1)).toEqual(scores(once).at(-1));
    expect(happened(parts).at(-1)).toEqual(happened(once).at(-1));
    await trainAgent(runs.config(`${name} other`, { ...settings, seed: 5 }), { stream: silent });
    expect(weights(`${name} other`)).not.toBe(weights(once));
  });

  it('from any checkpoint, with the same scores and the same best agent', async () => {
    const settings = { agentSettings: { evaluationEpsilon: 0.3 }, checkpointEvery: 150 };
    await trainAgent(runs.config('straight', settings), { stream: silent });
    await trainAgent(runs.config('again', settings), { stream: silent });
    const checkpoints = runs.at('again', 'checkpoints');
    rmSync(join(checkpoints, 'step-000000300'), { recursive: true });
    expect(readdirSync(checkpoints)).toEqual(['step-000000150']);
    await trainAgent(runs.config('again', settings), { stream: silent, resume: true });
    expect(weights('again')).toBe(weights('straight'));
    expect(weights('again', 'best')).toBe(weights('straight', 'best'));
    expect(scores('again')).toEqual(scores('straight'));
    expect(happened('again')).toEqual(happened('straight'));
  });

  it('begins new episodes where an environment cannot be saved, and says so', async () => {
    const bare = (steps: number) => runs.config('bare', { environment: 'BareCorridor-v0', steps });
    await trainAgent(bare(150), { stream: silent });
    const said: string[] = [];
    await trainAgent(bare(300), { stream: { write: (text) => said.push(text) }, resume: true });
    expect(said.join('')).toContain(
      'warning: BareCorridor-v0 cannot be saved: the episodes in progress are lost, new ones begin',
    );
    expect(events('bare').filter(({ type }) => type === 'warning')).toMatchObject([
      { step: 150, code: 'environment-not-saved' },
    ]);
  });
});

it('ends once an evaluation is as good as was asked for, also when it goes on from there', async () => {
  const settings = { steps: 5000, successfulScore: 0.5 };
  const { steps, evaluation } = await trainAgent(runs.config('early', settings), { stream: silent });
  expect(steps).toBeLessThan(5000);
  expect(steps % 100).toBe(0);
  expect(evaluation!.mean).toBeGreaterThanOrEqual(0.5);
  const before = weights('early');
  expect((await trainAgent(runs.config('early', settings), { stream: silent, resume: true })).steps).toBe(steps);
  expect(weights('early')).toBe(before);
});

it('calls hooks after every step, and once more with the step it goes on from', async () => {
  const steps: number[] = [];
  const values: number[] = [];
  const hooks = [
    (_: unknown, step: number) => void steps.push(step),
    linearInterpolationHook(9, 1, 0, (_, value) => void values.push(value)),
  ];
  const config = (total: number) => runs.config('hooked', { numEnvironments: 2, steps: total });
  await trainAgent(config(6), { stream: silent, hooks });
  await trainAgent(config(11), { stream: silent, hooks, resume: true });
  expect(steps).toEqual([2, 4, 6, 6, 8, 10, 12]);
  expect(values).toEqual([0.875, 0.625, 0.375, 0.375, 0.125, 0, 0]);
});

it('takes a cut-off for an end of the task only where it is told to', async () => {
  const cut = { maxEpisodeSteps: 2, steps: 100 };
  await trainAgent(runs.config('cut', cut), { stream: silent });
  await trainAgent(runs.config('ended', { ...cut, timeLimitTerminates: true }), { stream: silent });
  expect(weights('cut')).not.toBe(weights('ended'));
});

it('says where it diverged, and keeps the last checkpoint', async () => {
  const config = runs.config('diverged', { agentSettings: { learningRate: 1e30 }, checkpointEvery: 5 });
  await expect(trainAgent(config, { stream: silent })).rejects.toMatchObject({ code: 'diverged' });
  expect(existsSync(runs.at('diverged', 'model'))).toBe(false);
  expect(events('diverged').at(-1)).toMatchObject({ type: 'end', reason: 'failed' });
});

it.each([
  [{ environment: 'Coridor-v0' }, 'there is no environment "Coridor-v0"\n  → Did you mean "Corridor-v0"?'],
  [{ agent: 'linear-p' }, 'there is no agent "linear-p"\n  → Did you mean "linear-q"?'],
  [{ agentSettings: { epsilom: 1 } }, 'agent linear-q: there is no setting "epsilom"\n  → Did you mean "epsilon"?'],
  [{ agentSettings: { epsilon: 2 } }, 'agent linear-q: "epsilon" is 2, expected a number of at most 1'],
  [{ environment: 'Pendulum-v1' }, 'linear-q chooses among a few actions, and these are Box(-2, 2, [1], float32)'],
])('refuses %j before anything is written', async (changes, message) => {
  await expect(trainAgent(runs.config('refused', changes), { stream: silent })).rejects.toThrow(message);
  expect(existsSync(runs.at('refused'))).toBe(false);
});
