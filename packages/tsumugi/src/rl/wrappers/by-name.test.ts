// Wrappers by name: in their order, with their options, and with a word for what is not there.
import { expect, it } from 'vitest';
import { makeEnvironment } from '../registry.ts';
import { registerWrapper, wrapAll, wrapperNames } from './by-name.ts';
import { FrameGame } from './frame-game.testing.ts';
import { ScaleReward } from './transform-reward.ts';

const pendulum = (...wrappers: unknown[]) => makeEnvironment('Pendulum-v1', { wrappers: wrappers as never });

it('wraps the first innermost', async () => {
  const action = Float32Array.of(0.5);
  const reward = async (...wrappers: unknown[]) => {
    using environment = await pendulum(...wrappers);
    environment.reset({ seed: 3 });
    return environment.step(action).reward;
  };
  const raw = await reward();
  expect(await reward({ name: 'scale-reward', factor: 0.5 })).toBe(raw * 0.5);
  expect(await reward({ name: 'scale-reward', factor: 0.5 }, { name: 'scale-reward', factor: 3 })).toBe(raw * 0.5 * 3);
  // The sign of half of it, or half of its sign.
  expect(await reward({ name: 'scale-reward', factor: 0.5 }, 'clip-reward')).toBe(-1);
  expect(await reward('clip-reward', { name: 'scale-reward', factor: 0.5 })).toBe(-0.5);
  using environment = await pendulum('normalize-action');
  expect(String(environment.actionSpace)).toBe('Box(-1, 1, [1], float32)');
});

it.each([
  ['flicker-frame', { probability: 0.3 }],
  ['frame-stack', { count: 2 }],
  ['max-and-skip', { skip: 3 }],
  ['noop-reset', { most: 7 }],
  ['randomize-action', { probability: 0.2 }],
  ['sticky-actions', { probability: 0.4 }],
] as const)('%s takes %j', (name, options) => {
  expect(wrapAll(new FrameGame(), [{ name, ...options }])).toMatchObject(options);
});

it('those of frames take the size of their pictures', () => {
  expect(wrapAll(new FrameGame(), [{ name: 'warp-frame', size: 5 }]).observationSpace.shape).toEqual([1, 5, 5]);
  const options = { name: 'preprocess-frames', size: 5, stack: 3 };
  expect(wrapAll(new FrameGame(), [options]).observationSpace.shape).toEqual([3, 5, 5]);
});

it.each([
  ['normalise-action', 'there is no wrapper "normalise-action"\n  → Did you mean "normalize-action"?'],
  [{ factor: 2 }, 'there is no wrapper undefined'],
  [{ name: 'scale-reward', facto: 2 }, 'the wrapper scale-reward has no option "facto"\n  → Did you mean "factor"?'],
  [{ name: 'clip-action', low: 0 }, 'the wrapper clip-action has no option "low"\n  → It has none'],
  [{ name: 'scale-reward', factor: 'x' }, 'factor'],
])('refuses %j', async (wrapper, message) => {
  await expect(pendulum(wrapper)).rejects.toThrow(message);
});

it('refuses what is no list', async () => {
  await expect(makeEnvironment('Pendulum-v1', { wrappers: 'normalize-action' as never })).rejects.toThrow(
    'wrappers: expected a list, got "normalize-action"',
  );
});

it('refuses a wrapper that does not fit the environment', async () => {
  await expect(makeEnvironment('CartPole-v1', { wrappers: ['normalize-action'] })).rejects.toThrow(/NormalizeAction/);
  expect(wrapperNames()).toContain('normalize-action');
});

it('takes wrappers of others, with their options', async () => {
  registerWrapper('halves', {
    options: ['times'],
    wrap: (inner, { times = 1 }) => new ScaleReward(inner, 2 ** -Number(times)),
  });
  const reward = async (...wrappers: unknown[]) => {
    using environment = await pendulum(...wrappers);
    environment.reset({ seed: 3 });
    return environment.step(Float32Array.of(0.5)).reward;
  };
  expect(await reward('halves')).toBe((await reward()) / 2);
  expect(await reward({ name: 'halves', times: 2 })).toBe((await reward()) / 4);
  await expect(reward({ name: 'halves', time: 2 })).rejects.toThrow('no option "time"\n  → Did you mean "times"?');
  expect(wrapperNames()).toContain('halves');
  expect(() => registerWrapper('clip-action', { wrap: (inner) => inner })).toThrow('a wrapper "clip-action" already');
});
