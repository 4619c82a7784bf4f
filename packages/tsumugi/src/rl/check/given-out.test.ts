// What environments of others give out is looked at as it comes: nothing that an agent would learn nonsense from goes through.
import { expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { thrown } from '../../base/thrown.testing.ts';
import type { Environment } from '../environment.ts';
import { makeEnvironment, registerEnvironment } from '../registry.ts';
import { Box, Discrete, type Space } from '../spaces/index.ts';

let count = 0;

/** Registers an environment with these results of `reset` and `step`, and makes it. */
function made(
  results: { reset?: () => unknown; step?: () => unknown; setState?: () => unknown },
  observationSpace: Space = new Box(-1, 1, [2]),
): Promise<Environment> {
  const id = `GivenOut${count++}-v0`;
  const good = { observation: Float32Array.of(0, 0), reward: 1, terminated: false, truncated: false, info: {} };
  const environment = { id, observationSpace, actionSpace: new Discrete(2), reset: () => good, step: () => good };
  const make = () => ({ ...environment, ...results, [Symbol.dispose]() {} }) as unknown as Environment;
  registerEnvironment(id, { make });
  return makeEnvironment(id);
}
const observation = Float32Array.of(0, 0);
const step = { observation, reward: 1, terminated: false, truncated: false, info: {} };
const not = Number.NaN;

const steps: [what: RegExp, step: unknown][] = [
  [/NaN in element 1 of its observation/, { ...step, observation: Float32Array.of(0, not) }],
  [/an observation of 3 elements/, { ...step, observation: new Float32Array(3) }],
  [/gave an array as its observation/, { ...step, observation: [0, 0] }],
  [/NaN as its reward/, { ...step, reward: not }],
  [/Infinity as its reward/, { ...step, reward: Infinity }],
  [/undefined as its reward/, { ...step, reward: undefined }],
  // As of the Gym of old, which had done.
  [/undefined as terminated: give out true or false/, { observation, reward: 1, done: true, info: {} }],
  [/1 as truncated/, { ...step, truncated: 1 }],
  [/gave an array: give out { observation/, [observation, 1, false, {}]],
  [/gave undefined/, undefined],
  [/gave a promise: environments are synchronous/, Promise.resolve(step)],
];

it.each(steps)('refuses a step that %s', async (sentence, given) => {
  using environment = await made({ step: () => given });
  environment.reset();
  const error = thrown(UserError, () => environment.step(1));
  expect(error.code).toBe('bad-environment');
  expect(error.message).toMatch(sentence);
});

it('refuses a reset and a state with an observation that is none', async () => {
  using none = await made({ reset: () => observation });
  expect(thrown(UserError, () => none.reset()).message).toMatch(/give out { observation, info }/);
  using late = await made({ reset: () => Promise.resolve({ observation, info: {} }) });
  expect(thrown(UserError, () => late.reset()).message).toMatch(/a promise/);
  using broken = await made({ reset: () => ({ observation: Float32Array.of(not, 0), info: {} }) });
  expect(thrown(UserError, () => broken.reset()).message).toMatch(/reset gave NaN/);
  using state = await made({ setState: () => Float32Array.of(not, 0) });
  expect(thrown(UserError, () => state.setState!({})).message).toMatch(/setState gave NaN/);
});

it('refuses a number that the space does not count: it would be read as another one', async () => {
  using environment = await made({ reset: () => ({ observation: 4, info: {} }) }, new Discrete(4));
  expect(thrown(UserError, () => environment.reset()).message).toMatch(/the observation 4, which is not in Discrete/);
});

it('lets through what lies outside of a box, and a step that tells nothing', async () => {
  using environment = await made({ step: () => ({ ...step, observation: Float32Array.of(9, -9), info: undefined }) });
  environment.reset();
  expect(environment.step(0)).toEqual({ ...step, observation: Float32Array.of(9, -9) });
});

it('gives out copies: an environment may fill the same array again and again', async () => {
  const buffer = new Float32Array(2);
  const filled = (x: number) => buffer.fill(x);
  let t = 0;
  using environment = await made({
    reset: () => ({ observation: filled(0), info: {} }),
    step: () => ({ ...step, observation: filled(++t) }),
  });
  const seen = [environment.reset().observation, environment.step(0).observation, environment.step(0).observation];
  expect(seen).toEqual([0, 1, 2].map((x) => Float32Array.of(x, x)));
});
