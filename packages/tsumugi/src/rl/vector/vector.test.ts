// One contract for all vectors: with the same seed they give the numbers of as many single environments, and faults name
// their environment.
import { afterAll, describe, expect, it } from 'vitest';
import { TsumugiError, UserError } from '../../base/index.ts';
import type { Outcome } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import { makeEnvironment } from '../registry.ts';
import { type FrameOptions, preprocessFrames } from '../wrappers/preprocess-frames.ts';
import { makeVectorEnvironment, type VectorOptions } from './make.ts';
import type { VectorEnvironment, VectorStep } from './vector-environment.ts';
import { type WorldOptions, worlds } from './worlds.testing.ts';

const SIZE = 5;
const open = new Map<string, VectorEnvironment>();
afterAll(() => {
  for (const vector of open.values()) vector[Symbol.dispose]();
});

/** Threads take a while to start: tests share their vectors. */
async function make(form: VectorOptions, options: WorldOptions = {}, id = 'World-v0'): Promise<VectorEnvironment> {
  const key = JSON.stringify([form, options, id]);
  const known = open.get(key);
  if (known) return known;
  const modules = form.workers && id === 'World-v0' ? { modules: [worlds] } : {};
  const vector = await makeVectorEnvironment(id, SIZE, { ...form, ...modules, options: { ...options } });
  open.set(key, vector);
  return vector;
}

const faulty: WorldOptions = { observations: 'number', tells: true, fault: 'throw' };

const copy = (observation: Observation) => (typeof observation === 'number' ? observation : observation.slice());
const copied = ({ outcomes, observations, infos }: VectorStep) => ({
  outcomes: outcomes.map((outcome): Outcome => ({ ...outcome, next: copy(outcome.next) })),
  observations: observations.map(copy),
  infos,
});

const frames: FrameOptions = { size: 3, noops: 4, stack: 3 };

/** The same steps of single environments, which are reset by hand. */
async function single(options: WorldOptions, seed: number, actions: readonly Action[][], id: string) {
  const made = await Promise.all(Array.from({ length: SIZE }, () => makeEnvironment(id, { ...options })));
  const environments = id === 'Frames-v0' ? made.map((each) => preprocessFrames(each as never, frames)) : made;
  const first = environments.map((environment, i) => environment.reset({ seed: seed + i }).observation);
  const steps = actions.map((each) => {
    const results = environments.map((environment, i) => environment.step(each[i]!));
    return {
      outcomes: results.map(
        ({ observation: next, reward, terminated, truncated }): Outcome => ({ reward, next, terminated, truncated }),
      ),
      observations: results.map(({ observation, terminated, truncated }, i) =>
        terminated || truncated ? environments[i]!.reset().observation : observation,
      ),
      infos: results.map(({ info }) => info),
    };
  });
  for (const environment of environments) environment[Symbol.dispose]();
  return { first, steps };
}

const numbers = Array.from({ length: 30 }, (_, t) => Array.from({ length: SIZE }, (_, i) => (3 * t + i) % 8));
const arrays = numbers.map((each) => each.map((a) => Float32Array.of(a / 3, -a / 7)));

type Case = [string, WorldOptions, readonly Action[][], string];
const ofNumbers: Case = ['numbers', faulty, numbers, 'World-v0'];
const ofArrays: Case = ['float32', { arrays: true }, arrays, 'World-v0'];

async function isEqual(form: VectorOptions, [, options, actions, id]: Case): Promise<void> {
  const vector = await make(form, options, id);
  const expected = await single(options, 11, actions, id);
  for (let round = 0; round < 2; round++) {
    expect(vector.reset({ seed: 11 }).map(copy)).toEqual(expected.first);
    expect(actions.map((each) => copied(vector.step(each)))).toEqual(expected.steps);
  }
  const ended = expected.steps.flatMap(({ outcomes }) => outcomes.filter((each) => each.terminated || each.truncated));
  expect(ended.length).toBeGreaterThan(0);
}

describe.each<[string, VectorOptions]>([
  ['in this thread', {}],
  ['over two threads', { workers: 2 }],
])('a vector %s', (_, form) => {
  it.each<Case>([
    ofNumbers,
    ofArrays,
    ['float64', { observations: 'float64', arrays: true }, arrays, 'World-v0'],
    ['bytes', { observations: 'uint8', forgets: true }, numbers, 'World-v0'],
    ['of the registry', {}, numbers.map((each) => each.map((a) => a % 2)), 'CartPole-v1'],
  ])('gives the numbers of single environments: %s', (...each) => isEqual(form, each));

  it('goes on from a snapshot, also in another vector that was never reset', async () => {
    const vector = await make(form, faulty);
    vector.reset({ seed: 3 });
    vector.step(numbers[0]!);
    const { observations } = copied(vector.step(numbers[1]!));
    const snapshot = JSON.parse(JSON.stringify(vector.snapshot!()));
    const expected = numbers.map((each) => copied(vector.step(each)));
    const other = await make(form, { ...faulty, arrays: false });
    expect(() => other.step(numbers[0]!)).toThrow(/only after all of them were reset/);
    for (const each of [vector, other]) {
      expect(each.restore!(snapshot).map(copy)).toEqual(observations);
      expect(numbers.map((actions) => copied(each.step(actions)))).toEqual(expected);
    }
    expect(() => vector.restore!({ environments: [1] })).toThrow(/1 environments, these are 5/);
    expect(() => vector.restore!('x')).toThrow(UserError);
  });

  it('has no snapshot where an environment has none', async () => {
    const vector = await make(form, { observations: 'uint8', forgets: true });
    expect(vector.snapshot).toBeUndefined();
    expect(vector.restore).toBeUndefined();
  });

  it('refuses steps after an error, and too few actions', async () => {
    const vector = await make(form, faulty);
    vector.reset({ seed: 0 });
    expect(() => vector.step([1])).toThrow('5 environments of World-v0 take 5 actions, got 1');
    expect(() => vector.step([1, 1, 1, 9, 9])).toThrow(/environment 3 of World-v0: the world broke/);
    expect(() => vector.step([1, 1, 1, 1, 1])).toThrow(/only after all of them were reset/);
    vector.reset({ seed: 0 });
    vector.step([1, 1, 1, 1, 1]);
  });

  it('names the environment of a bad action, which is a mistake of the caller', async () => {
    const vector = await make(form, {}, 'CartPole-v1');
    for (const wrong of [7, [1, 2]]) {
      vector.reset({ seed: 0 });
      const step = () => vector.step([0, 1, 0, 1, wrong]);
      expect(step).toThrow(UserError);
      expect(step).toThrow(/environment 4 of CartPole-v1|reset/);
    }
  });

  it('names the environment that could not be made', async () => {
    const making = make(form, { making: 'throw' });
    await expect(making).rejects.toThrow(/environment \d of World-v0: no such world/);
    await expect(making).rejects.toBeInstanceOf(TsumugiError);
    await expect(make(form, {}, 'CartPole-v9')).rejects.toThrow(/^there is no environment "CartPole-v9"/);
  });

  it('takes no step after it was disposed of', async () => {
    const vector = await make(form, faulty);
    vector.reset({ seed: 0 });
    vector[Symbol.dispose]();
    vector[Symbol.dispose]();
    expect(() => vector.step([1, 1, 1, 1, 1])).toThrow(/disposed of/);
  });
});

describe.each<[string, VectorOptions]>([
  ['in this thread', { frames }],
  ['over threads, borrowed', { frames, workers: 2, borrowed: true, modules: [worlds] }],
])('a vector of frames %s', (_, form) => {
  it('gives the stacks of single environments, and goes on from a snapshot', async () => {
    const buttons = numbers.map((each) => each.map((a) => a % 4));
    await isEqual(form, ['frames', {}, buttons, 'Frames-v0']);
    const vector = await make(form, {}, 'Frames-v0');
    expect(vector.observationSpace.shape).toEqual([3, 3, 3]);
    const snapshot = JSON.parse(JSON.stringify(vector.snapshot!()));
    const expected = buttons.map((each) => copied(vector.step(each)));
    vector.restore!(snapshot);
    expect(buttons.map((each) => copied(vector.step(each)))).toEqual(expected);
  });
});

describe('a vector over threads', () => {
  it('gives the same numbers however environments are shared out', () => isEqual({ workers: SIZE }, ofNumbers));
  it('gives the same numbers borrowed', () => isEqual({ workers: 1, borrowed: true }, ofArrays));

  it.each<[NonNullable<WorldOptions['fault']>, RegExp]>([
    ['exit', /the thread of environments 2 to 4 of World-v0 died: it ended by itself/],
    ['hang', /the thread of environments 2 to 4 of World-v0 has not answered for 0.2 s/],
    ['shape', /environment 3 of World-v0: World-v0: step gave an observation of 1 elements/],
  ])('does not wait for a thread with the fault "%s"', async (fault, message) => {
    const seconds = fault === 'hang' ? { timeoutSeconds: 0.2 } : {};
    const vector = await make({ workers: 2, ...seconds }, { fault });
    vector.reset({ seed: 0 });
    expect(() => vector.step([1, 1, 1, 9, 1])).toThrow(message);
    expect(() => vector.step([1, 1, 1, 1, 1])).toThrow(fault === 'shape' ? /reset/ : message);
  });

  it('says that a thread died while its environments were made', async () => {
    await expect(make({ workers: 2 }, { making: 'exit' })).rejects.toThrow(/the thread of environments? .* died/);
  });

  it('hands out copies, or borrowed views that hold until the step after the next', async () => {
    for (const borrowed of [undefined, true]) {
      const vector = await make(borrowed ? { workers: 1, borrowed } : { workers: 2 }, { arrays: true });
      const [first] = vector.reset({ seed: 0 });
      const kept = copy(first!);
      vector.step(arrays[0]!);
      expect(first).toEqual(kept);
      vector.step(arrays[1]!);
      if (borrowed) expect(first).not.toEqual(kept);
      else expect(first).toEqual(kept);
    }
  });

  it('refuses more threads than environments, and settings of threads without them', async () => {
    await expect(makeVectorEnvironment('World-v0', 2, { workers: 3 })).rejects.toThrow(
      /workers must be .* from 0 to 2/,
    );
    await expect(makeVectorEnvironment('World-v0', 0)).rejects.toThrow(/size must be/);
    await expect(makeVectorEnvironment('World-v0', 2, { borrowed: true })).rejects.toThrow(/borrowed is for workers/);
    await expect(makeVectorEnvironment('World-v0', 2, { worker: 1 } as never)).rejects.toThrow(/no option "worker"/);
  });
});
