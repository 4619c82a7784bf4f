// Parts of one's own in a run of training: they are used, recorded by name, and asked for again when the run goes on.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256File } from '../base/index.ts';
import { type Module, parameters } from '../nn/index.ts';
import { decayGroups, SGD } from '../optim/index.ts';
import { readEvents } from '../run/index.ts';
import { nextTokenLoss, type TrainingParts } from './index.ts';
import { pretrain } from './pretrain.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';

let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

const quick = { steps: 3, evaluateEvery: 0, checkpointEvery: 2, learningRate: 0.01 };
const train = (name: string, parts: TrainingParts = {}, options = {}) =>
  pretrain(setup.config(name, quick), { stream: silent, ...parts, ...options });
const at = (...names: string[]) => join(setup.folder, ...names);
const stepsOf = (name: string) => readEvents(at(name, 'events.jsonl')).filter(({ type }) => type === 'step');
const weightsOf = (name: string) => sha256File(at(name, 'model', 'model.safetensors'));

const optimizer = {
  name: 'plain descent',
  make: (model: Parameters<typeof decayGroups>[0]) => new SGD(decayGroups(model), { weightDecay: 0 }),
};
/** Twice the loss: with a rate of half, plain descent does the same. */
const loss: TrainingParts['loss'] = {
  name: 'doubled',
  of(model, batch, options, step) {
    const { loss, sums, ...rest } = nextTokenLoss(model, batch, options, step);
    return { ...rest, loss: loss.mul(2), sums: () => ({ ...sums?.(), at: step }) };
  },
};

it('trains with them, and says so in the record', async () => {
  await train('plain');
  await train('descent', { optimizer });
  await train('both', { optimizer, loss });
  expect(new Set([weightsOf('plain'), weightsOf('descent'), weightsOf('both')]).size).toBe(3);
  const [first] = stepsOf('both') as { loss: number; gradNorm: number }[];
  const [single] = stepsOf('descent') as { loss: number; gradNorm: number }[];
  expect(first!.loss).toBe(single!.loss);
  expect(first!.gradNorm / single!.gradNorm).toBeCloseTo(2, 4);
  const { config } = JSON.parse(readFileSync(at('both', 'run.json'), 'utf8'));
  expect([config.optimizer, config.loss]).toEqual([{ own: 'plain descent' }, { own: 'doubled' }]);
  const lineage = JSON.parse(readFileSync(at('both', 'model', 'lineage.json'), 'utf8'));
  expect(lineage.config.loss).toEqual({ own: 'doubled' });
});

it('goes on with parts of the same names only', async () => {
  await train('ended', { optimizer, loss });
  await expect(train('ended', { optimizer }, { resume: true })).rejects.toThrow(/loss/);
  await expect(train('ended', { optimizer: { ...optimizer, name: 'x' }, loss }, { resume: true })).rejects.toThrow(
    /plain descent/,
  );
  expect((await train('ended', { optimizer, loss }, { resume: true })).interrupted).toBe(false);
});

it('says what it cannot check: another function under the same name', async () => {
  const said: string[] = [];
  const stream = { write: (text: string) => said.push(text) > 0 };
  await train('named', { optimizer, loss }, { stream });
  expect(said.join('')).not.toContain('known by name only');
  await train('named', { optimizer, loss: { ...loss!, of: nextTokenLoss } }, { resume: true, stream });
  expect(said.join('')).toContain(
    'known by name only: optimizer "plain descent", loss "doubled"; whether the code is the one that the run began with is not checked',
  );
});

it('calls a look after each step, which changes nothing', async () => {
  const steps: number[] = [];
  const afterStep = ({ step, gradNorm }: { step: number; gradNorm: number }) => {
    steps.push(step);
    return { doubledNorm: 2 * gradNorm };
  };
  await train('unlooked');
  await train('looked', { afterStep });
  expect(steps).toEqual([1, 2, 3]);
  expect(weightsOf('looked')).toBe(weightsOf('unlooked'));
  for (const event of stepsOf('looked') as { gradNorm: number; metrics: Record<string, number> }[])
    expect(event.metrics['doubledNorm']).toBe(2 * event.gradNorm);
});

it.each([
  [
    ({ model }: { model: Module }) => ({ norm: parameters(model)[0]!.norm() }),
    /afterStep gave norm: a Tensor.*\n.*\.item\(\)/,
  ],
  [() => ({ note: 'good' }), /afterStep gave note: string good, expected a number/],
  [() => 5, /afterStep gave number 5, expected an object of numbers/],
  [async () => ({ late: 1 }), /afterStep: the body must be synchronous, it is an async function/],
  [() => Promise.reject(new Error('late')), /afterStep: the body must be synchronous, it returned a promise/],
])('refuses a look that gives what no log can hold: %s', async (afterStep, problem) => {
  const name = `odd-${Math.random()}`;
  await expect(train(name, { afterStep: afterStep as never })).rejects.toThrow(problem);
  expect(readEvents(at(name, 'events.jsonl')).at(-1)).toMatchObject({ type: 'end', reason: 'failed' });
});

it('refuses sums of a loss that are no numbers', async () => {
  const of = (...given: Parameters<typeof nextTokenLoss>) => ({
    ...nextTokenLoss(...given),
    sums: () => ({ at: 'x' }),
  });
  const texts = { name: 'texts', of: of as unknown as typeof nextTokenLoss };
  await expect(train('texts', { loss: texts })).rejects.toThrow(/sums\(\) gave at: string x, expected a number/);
});

it('refuses an option that nothing reads, before anything is written', async () => {
  await expect(train('misspelt', { aftrStep: () => {} } as never)).rejects.toThrow(
    /pretrain: there is no option "aftrStep"\n.*afterStep/,
  );
  await expect(train('misspelt', { afterStep: 5 as never })).rejects.toThrow(/afterStep: expected a function/);
  expect(existsSync(at('misspelt'))).toBe(false);
});

it('refuses a part that is none', async () => {
  const wrong = { optimizer: SGD } as unknown as TrainingParts;
  await expect(train('wrong', wrong)).rejects.toThrow(/optimizer: expected \{ name, make \}.*\n.*optimizer: \{ name/);
});
