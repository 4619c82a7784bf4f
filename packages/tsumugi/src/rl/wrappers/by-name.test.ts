// Wrappers by name: in their order, with their options, and with a word for what is not there.
import { expect, it } from 'vitest';
import { makeEnvironment } from '../registry.ts';
import { wrapperNames } from './by-name.ts';

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
  using environment = await pendulum('normalize-action');
  expect(String(environment.actionSpace)).toBe('Box(-1, 1, [1], float32)');
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
