// What the loop does after which step, what it writes and shows of it, and what it keeps: on a task that only takes notes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConfigError, UserError } from '../base/index.ts';
import { type RunEvent, RunFolder } from '../run/index.ts';
import { listCheckpoints } from '../store/index.ts';
import { isDue, type LoopTask, requireStepsLeft, runLoop } from './index.ts';

let home: string;
let notes: string[];
let shown: string[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-loop-order-'));
  [notes, shown] = [[], []];
});
afterEach(() => rmSync(home, { recursive: true }));

const out = () => join(home, 'run');
const kept = () => listCheckpoints(join(out(), 'checkpoints')).map(({ step, score }) => [step, score]);
/** Before the checkpoint, which must not know more than the log, and with the event that tells of it. */
const logTwice = ['log on disk', 'log on disk'];
const nothing = { checkpoint: false, evaluation: false, sample: false };

/** Runs three steps, or goes on with them after `start`; events without their times, and the last line of the progress. */
async function run(changes: Partial<LoopTask> = {}, start = 0) {
  using folder = start > 0 ? RunFolder.resume(out()) : RunFolder.create(out(), { name: 'toy', config: {} });
  using log = folder.openEvents(start > 0 ? start : undefined);
  const sync = log.sync.bind(log);
  log.sync = () => {
    notes.push('log on disk');
    sync();
  };
  const task: LoopTask = {
    ...{ label: 'toy', steps: 3, keepLast: 9 },
    takeStep(step, saved) {
      notes.push(`step ${step}, saved ${saved}`);
      return { event: undefined, progress: { loss: step + 0.5 } };
    },
    due: () => nothing,
    checkpoint(step, saved) {
      notes.push(`save ${step}, saved ${saved}`);
      return { tensors: {}, state: { step } };
    },
    async evaluate(step, _, saved) {
      notes.push(`evaluate ${step}, saved ${saved}`);
      return { name: 'held-out', metrics: {}, shown: `measured ${step}` };
    },
    ...changes,
  };
  const stream = { write: (text: string) => void shown.push(text) };
  const result = await runLoop(task, { run: folder, log, stream }, start).catch((error: Error) => error);
  const events = folder.events().map(({ time: _, ...event }) => event as Omit<RunEvent, 'time'>);
  return { result, events };
}

it('saves and measures after the last step only, unless more is due', async () => {
  const { events } = await run();
  expect(notes).toEqual([
    ...['step 0, saved 0', 'step 1, saved 0', 'step 2, saved 0'],
    ...['save 3, saved 0', ...logTwice, 'evaluate 3, saved 3'],
  ]);
  expect(events).toEqual([
    { type: 'checkpoint', step: 3, path: join('checkpoints', 'step-000000003') },
    { type: 'evaluation', step: 3, name: 'held-out', metrics: {}, seconds: expect.any(Number) },
  ]);
  expect(shown.join('')).toContain('measured 3\n');
  expect(shown.at(-1)).toMatch(/^toy.* 3\/3 .*2\.5/); // the loss of the last step
});

it('does what is due before the first step, and after a step in order: save, measure, write', async () => {
  const due = (step: number) => ({
    checkpoint: step === 2,
    evaluation: step % 2 === 0,
    sample: step === 0 || step === 2,
  });
  const sample = async (step: number) => ({ prompt: 'p', text: `t${step}`, ...(step === 2 && { shown: 'written' }) });
  const { events } = await run({ due, sample });
  expect(events.map(({ type, step }) => `${type} ${step}`)).toEqual([
    ...['evaluation 0', 'sample 0', 'checkpoint 2', 'evaluation 2', 'sample 2'],
    ...['checkpoint 3', 'evaluation 3'],
  ]);
  expect(events[4]).toEqual({ type: 'sample', step: 2, prompt: 'p', text: 't2' });
  expect(shown.filter((line) => line === 'written\n')).toHaveLength(1);
  expect(shown.join('')).not.toContain('undefined');
});

it('writes layers and warnings of the step they belong to, and no event that a step does not give', async () => {
  const layers = { 'a.b': { gradNorm: 1, rms: 2, largest: 3 } };
  const { events } = await run({
    takeStep: (step) => ({
      ...{ event: undefined, progress: {} },
      ...(step === 1 && { layers, warnings: [{ code: 'odd', message: 'how odd' }] }),
    }),
  });
  expect(events.slice(0, 2)).toEqual([
    { type: 'layers', step: 2, layers },
    { type: 'warning', step: 2, code: 'odd', message: 'how odd' },
  ]);
  expect(events.map(({ type }) => type)).toEqual(['layers', 'warning', 'checkpoint', 'evaluation']);
  expect(shown).toContain('warning: how odd\n');
});

it('a task without samples makes none, also where one is due', async () => {
  const { events } = await run({ due: () => ({ ...nothing, sample: true }) });
  expect(events.map(({ type }) => type)).toEqual(['checkpoint', 'evaluation']);
});

it('keeps the newest, the best and those of chosen steps, and saves the chosen ones', async () => {
  const scores = [0, 5, 1, 4, 3, 2];
  await run({
    ...{ steps: 5, keepLast: 1, keepSteps: [1] },
    due: (step) => ({ checkpoint: step > 1, evaluation: step > 0, sample: false }),
    evaluate: async (step) => ({ name: 'held-out', metrics: {}, score: scores[step]! }),
  });
  expect(kept()).toEqual([
    [1, 5],
    [2, 1],
    [5, 2],
  ]);
});

it('without scores, keeps the newest ones alone', async () => {
  await run({ keepLast: 1, due: () => ({ ...nothing, checkpoint: true }) });
  expect(kept()).toEqual([[3, null]]);
});

it('a measurement between checkpoints scores none of them', async () => {
  await run({
    due: (step) => ({ checkpoint: step === 1, evaluation: step === 2, sample: false }),
    evaluate: async (step) => ({ name: 'held-out', metrics: {}, score: step }),
  });
  expect(kept()).toEqual([
    [1, null],
    [3, 3],
  ]);
});

it('a measurement that is not finite ends the run, and leaves checkpoints alone that it did not measure', async () => {
  const evaluate: LoopTask['evaluate'] = async () => ({ name: 'held-out', metrics: {}, score: Number.NaN });
  const { result } = await run({
    evaluate,
    due: (step) => ({ ...nothing, checkpoint: step === 1, evaluation: step === 2 }),
  });
  expect(result).toMatchObject({
    code: 'diverged',
    message: expect.stringContaining('the checkpoint of step 1 is intact'),
  });
  expect(kept()).toEqual([[1, null]]);
  rmSync(out(), { recursive: true });
  const first = await run({ evaluate, due: () => ({ ...nothing, evaluation: true }) });
  expect(first.result).toMatchObject({ code: 'diverged', message: expect.stringContaining('step 0') });
  expect(kept()).toEqual([]);
});

it('goes on from a step whose evaluation and sample are written down, and repeats neither', async () => {
  const due = () => ({ checkpoint: true, evaluation: true, sample: true });
  const sample = async () => ({ prompt: 'p', text: 't' });
  await run({ steps: 2, due, sample });
  notes = [];
  const { events } = await run({ due, sample }, 2);
  expect(notes).toEqual(['step 2, saved 2', 'save 3, saved 2', ...logTwice, 'evaluate 3, saved 3']);
  expect(events.filter(({ type, step }) => type === 'sample' && step === 2)).toHaveLength(1);
});

it('after its last step, measures again for the result, and writes it down once', async () => {
  const due = () => ({ ...nothing, evaluation: true, sample: true });
  await run({ due, sample: async () => ({ prompt: 'p', text: 't' }) });
  [notes, shown] = [[], []];
  const { events } = await run({ due, sample: async () => ({ prompt: 'p', text: 't' }) }, 3);
  expect(notes).toEqual(['evaluate 3, saved 3']);
  expect(shown.join('')).not.toContain('measured');
  expect(events.filter(({ type, step }) => type === 'evaluation' && step === 3)).toHaveLength(1);
  expect(events.filter(({ type, step }) => type === 'sample' && step === 3)).toHaveLength(1);
});

it('tells of a signal above its progress, and ends the log of a run that failed, whatever was thrown', async () => {
  const stopping: LoopTask['takeStep'] = (step) => {
    if (step === 1) process.emit('SIGINT', 'SIGINT');
    return { event: undefined, progress: {} };
  };
  expect((await run({ takeStep: stopping })).result).toMatchObject({ interrupted: true });
  expect(shown.join('')).toContain('saving and ending');
  rmSync(out(), { recursive: true });
  const broken: LoopTask['takeStep'] = () => {
    throw new TypeError('a bug');
  };
  const { result, events } = await run({ takeStep: broken });
  expect(result).toBeInstanceOf(TypeError);
  expect(result).not.toBeInstanceOf(UserError);
  expect(events).toEqual([{ type: 'end', step: 0, reason: 'failed', message: expect.stringContaining('a bug') }]);
});

it('a signal during the last measurement does not end a run that is done', async () => {
  const evaluate: LoopTask['evaluate'] = async () => {
    process.emit('SIGINT', 'SIGINT');
    return { name: 'held-out', metrics: {} };
  };
  expect((await run({ evaluate })).result).toMatchObject({ interrupted: false });
});

it('steps are due at multiples, and never at an interval of 0', () => {
  const due = (interval: number) => [0, 1, 2, 3, 4].filter((step) => isDue(interval, step));
  expect([due(2), due(1), due(0)]).toEqual([[0, 2, 4], [0, 1, 2, 3, 4], []]);
});

it('a run cannot end before where it is, but may end there', () => {
  expect(() => requireStepsLeft(4, 5)).toThrow(ConfigError);
  expect(() => requireStepsLeft(4, 5)).toThrow('5 steps are done already, so the run cannot end after 4');
  expect(() => requireStepsLeft(5, 5)).not.toThrow();
});

it('counts an update as several steps where it is', async () => {
  const { result, events } = await run({
    stride: 2,
    steps: 4,
    due: (step) => ({ ...nothing, evaluation: step === 2 }),
  });
  expect(notes).toEqual([
    ...['step 0, saved 0', 'evaluate 2, saved 0', 'step 2, saved 0'],
    ...['save 4, saved 0', ...logTwice, 'evaluate 4, saved 4'],
  ]);
  expect(result).toEqual({ interrupted: false, done: 4 });
  expect(events.map(({ type, step }) => [type, step])).toEqual([['evaluation', 2], ['checkpoint', 4], ['evaluation', 4]]); // biome-ignore format: pairs
});

it('ends before the last step where what was to be reached is, and saves there', async () => {
  const reached = {
    due: (step: number) => ({ ...nothing, evaluation: step === 2 }),
    isReached: (step: number) => step === 2,
  };
  const { result } = await run(reached);
  expect(notes).toEqual([
    ...['step 0, saved 0', 'step 1, saved 0', 'evaluate 2, saved 0'],
    ...['save 2, saved 0', ...logTwice],
  ]);
  expect(result).toEqual({ interrupted: false, done: 2 });
  expect(kept()).toEqual([[2, null]]);
  notes = [];
  expect((await run(reached, 2)).result).toEqual({ interrupted: false, done: 2 });
  expect(notes).toEqual([]);
});
