// Every experiment is one that can be trained: its settings are those that there are, and its agent acts in its environment.
import { expect, it } from 'vitest';
import { checkSettings } from '../../base/index.ts';
import { refuseIdle } from '../agents/idle-settings.ts';
import { agentKind } from '../agents/registry.ts';
import { environmentsOf } from '../experiments/prepare.ts';
import { rlConfig, rlPreset, rlPresets, settingsOfPreset } from '../index.ts';
import { makeEnvironment } from '../registry.ts';
import { wrapAll } from '../wrappers/by-name.ts';
import { FrameGame } from '../wrappers/frame-game.testing.ts';

it.each(Object.entries(rlPresets))('%s', async (_, preset) => {
  const config = rlConfig.parse({ ...settingsOfPreset(preset), out: 'x' });
  const kind = await agentKind(config.agent);
  const settings = checkSettings(config.agent, kind.config, config.agentSettings);
  const { training } = environmentsOf(config);
  const { options, wrappers } = training;
  // A game stands for those in Python, which is not everywhere.
  using environment = training.id.startsWith('python/')
    ? wrapAll(new FrameGame() as never, wrappers)
    : await makeEnvironment(training.id, { ...options, wrappers });
  const { observationSpace, actionSpace } = environment;
  // Replay of a million steps is made when it is filled.
  const place = {
    observationSpace,
    actionSpace,
    numEnvironments: 1,
    steps: config.steps,
    seed: 0,
    device: 'cpu' as const,
  };
  refuseIdle(config.agent, kind.config, settings, kind.conditions?.(place, settings) ?? []);
  using agent = kind.make(place, settings);
  const [action] = agent.act([environment.reset({ seed: 0 }).observation]);
  expect(actionSpace.contains(action)).toBe(true);
});

it('has each setting from one source', () => {
  for (const [name, { paper, code, ours }] of Object.entries(rlPresets)) {
    const keys = [paper, code, ours].flatMap((part) => Object.keys(part).filter((key) => key !== 'agentSettings'));
    expect(keys.length, name).toBe(new Set(keys).size);
    const own = [paper, code, ours].flatMap((part) => Object.keys(part.agentSettings ?? {}));
    expect(own.length, name).toBe(new Set(own).size);
  }
});

it('is found by its name, or the nearest is named', () => {
  expect(() => rlPreset('td3-mujocu')).toThrow('there is no experiment "td3-mujocu"\n  → Did you mean "td3-mujoco"?');
  expect(() => rlPreset('Pendulum-v1')).toThrow(
    /^"Pendulum-v1" is an environment, not an experiment\n.*naf-pendulum.*ppo-pendulum.*, or write a file of settings with environment: Pendulum-v1\.$/,
  );
  expect(() => rlPreset('Taxi-v3')).toThrow(
    /an environment, not an experiment\n {2}→ Write a file of settings with environment: Taxi-v3/,
  );
  expect(() => rlPreset('naf')).toThrow(
    /^"naf" is an agent, not an experiment\n {2}→ Name one of naf-pendulum, or write a file of settings with agent: naf\.$/,
  );
});
