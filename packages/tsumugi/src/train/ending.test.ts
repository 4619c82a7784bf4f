// What stops a run loses nothing: the checkpoint is there before anything is measured, and the run that goes on measures what is
// missing. What is no longer finite is never saved.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256File, type UserError } from '../base/index.ts';
import { type RunEvent, readEvents } from '../run/index.ts';
import { pretrain } from './pretrain.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';

let setup: TinySetup;
let whole: { sha256: string; measured: unknown[] };
const settings = { evaluateEvery: 4, sampleEvery: 3, checkpointEvery: 3 };

beforeAll(async () => {
  setup = await tinySetup();
  await train('whole');
  whole = { sha256: weightsOf('whole'), measured: measuredIn('whole') };
});
afterAll(() => setup[Symbol.dispose]());

const at = (...names: string[]) => join(setup.folder, ...names);
const train = (name: string, changes = {}, options = {}) =>
  pretrain(setup.config(name, { ...settings, ...changes }), { stream: silent, ...options });
const weightsOf = (name: string) => sha256File(at(name, 'model', 'model.safetensors'));
const eventsOf = (name: string) => readEvents(at(name, 'events.jsonl'));
const checkpoints = (name: string) => (existsSync(at(name, 'checkpoints')) ? readdirSync(at(name, 'checkpoints')) : []);

/** What was measured and written on the way, in order. */
const measuredIn = (name: string) =>
  eventsOf(name).flatMap((event) =>
    event.type === 'evaluation' || event.type === 'sample' ? [[event.type, event.step, metricsOf(event)]] : [],
  );
const metricsOf = (event: RunEvent) =>
  event.type === 'evaluation' ? event.metrics : event.type === 'sample' ? event.text : undefined;

/** Sends Ctrl-C as soon as `when` is true; looks between any two turns of the event loop. */
function interruptWhen(when: () => boolean): Disposable {
  let watching = true;
  const poll = () => {
    if (!watching) return;
    if (when()) process.emit('SIGINT', 'SIGINT');
    else setImmediate(poll);
  };
  setImmediate(poll);
  return {
    [Symbol.dispose]: () => {
      watching = false;
    },
  };
}

const hasStarted = (name: string) =>
  existsSync(at(name, 'events.jsonl')) && eventsOf(name).some(({ type }) => type === 'start');

it.each([
  ['before anything is learned', (name: string) => hasStarted(name), 0],
  ['in a measurement between two checkpoints', (name: string) => eventsIn(name, 4), 4],
  ['in the sample of a step', (name: string) => eventsIn(name, 6), 6],
  ['in the final measurement', (name: string) => checkpoints(name).includes('step-000000012'), 12],
] as const)('Ctrl-C %s loses nothing', async (title, when, step) => {
  const name = title.replaceAll(' ', '-');
  {
    using _interrupt = interruptWhen(() => when(name));
    expect(await train(name)).toMatchObject({ interrupted: true, folder: undefined, after: undefined });
  }
  expect(existsSync(at(name, 'model'))).toBe(false);
  expect(eventsOf(name).at(-1)).toMatchObject({ type: 'end', reason: 'interrupted', step });
  if (step > 0) expect(checkpoints(name)).toContain(`step-${String(step).padStart(9, '0')}`);
  const { interrupted, after } = await train(name, {}, { resume: true });
  expect(interrupted).toBe(false);
  expect(whole.measured.at(-1)).toMatchObject(['evaluation', 12, { bitsPerCharacter: after!.bitsPerCharacter }]);
  expect(weightsOf(name)).toBe(whole.sha256);
  expect(measuredIn(name)).toEqual(whole.measured);
});

/** Whether the update `step` is in the log, but nothing that was measured after it. */
const eventsIn = (name: string, step: number) =>
  hasStarted(name) && eventsOf(name).some((event) => event.type === 'step' && event.step === step);

it('a kill after the last checkpoint loses nothing: what goes on only measures', async () => {
  await train('killed');
  // As it was before the final measurement.
  rmSync(at('killed', 'model'), { recursive: true });
  const lines = readFileSync(at('killed', 'events.jsonl'), 'utf8').split('\n');
  const last = lines.findIndex((line) => line.includes('"type":"checkpoint","step":12'));
  writeFileSync(at('killed', 'events.jsonl'), `${lines.slice(0, last + 1).join('\n')}\n`);
  await train('killed', {}, { resume: true });
  expect(weightsOf('killed')).toBe(whole.sha256);
  expect(measuredIn('killed')).toEqual(whole.measured);
  expect(eventsOf('killed').filter(({ type }) => type === 'step')).toHaveLength(12);
});

it('keeps the checkpoint with the best score besides the last ones', async () => {
  await train('best', { checkpointEvery: 1, evaluateEvery: 1, keepLast: 1, learningRate: 0.5, warmup: 1 });
  const scores = eventsOf('best').flatMap((event) =>
    event.type === 'evaluation' && event.step > 0 ? [event.metrics['bitsPerCharacter']!] : [],
  );
  const best = 1 + scores.lastIndexOf(Math.min(...scores));
  expect(best).toBeLessThan(12); // otherwise this shows nothing
  expect(checkpoints('best')).toEqual([best, 12].map((step) => `step-${String(step).padStart(9, '0')}`));
});

it.each([
  [
    'weights that overflow',
    { learningRate: 1e38, weightDecay: 100 },
    /after the update .* holds \d+ NaN and \d+ infinite/,
  ],
  [
    'weights that are finite and compute nothing',
    { learningRate: 1e37 },
    /every weight is finite, but the held-out loss/,
  ],
])('does not save %s', async (title, changes, message) => {
  const name = title.replaceAll(' ', '-');
  const error: UserError = await train(name, { steps: 1, warmup: 0, ...changes }).catch((thrown) => thrown);
  expect(error.code).toBe('diverged');
  expect(error.message).toMatch(message);
  expect(error.remedy).toMatch(/another --out/);
  expect(checkpoints(name)).toEqual([]);
  expect(existsSync(at(name, 'model'))).toBe(false);
  expect(eventsOf(name).at(-1)).toMatchObject({ type: 'end', reason: 'failed' });
});

it('keeps to the number of steps that the clock once gave', async () => {
  const minutes = { steps: 100_000, minutes: 0.002 };
  {
    using _interrupt = interruptWhen(() => hasStarted('clock'));
    await train('clock', minutes);
  }
  const planned = () => eventsOf('clock').findLast((event) => event.type === 'start')!.totalSteps;
  const first = planned();
  expect(checkpoints('clock')).toEqual([]);
  expect(JSON.parse(readFileSync(at('clock', 'plan.json'), 'utf8'))).toEqual({ steps: first, of: minutes });
  // Whatever the clock would say now.
  writeFileSync(at('clock', 'plan.json'), JSON.stringify({ steps: 7, of: minutes }));
  await train('clock', minutes, { resume: true });
  expect(planned()).toBe(7);
  expect(eventsOf('clock').filter(({ type }) => type === 'step')).toHaveLength(7);
  // Other minutes are another plan, with all that was done in it.
  await train('clock', { steps: 9, minutes: 600 }, { resume: true });
  expect(planned()).toBe(9);
  // What is done stays done when there is less time than it took.
  await train('clock', { steps: 9, minutes: 1e-6 }, { resume: true });
  expect(planned()).toBe(9);
});
