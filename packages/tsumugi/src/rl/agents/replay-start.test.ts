// When learning from replay begins: rows hold the last observations of episodes, too, so a replay that is as large as what the first
// update waits for never has so many steps. It is enough that it is full.
import { expect, it } from 'vitest';
import { ConfigError } from '../../base/index.ts';
import { scope } from '../../torch/index.ts';
import { Abc } from '../environments/abc/abc.ts';
import { makeAgent, placeOf, Training } from './agents.testing.ts';
import { agentKind } from './registry.ts';

const kinds: [name: string, settings: object, discrete?: boolean][] = [
  ['dqn', { hidden: [4], batchSize: 8 }],
  ['dqn', { hidden: [4], batchSize: 30, memory: 'gru', memorySize: 4 }],
  ['sac', { hidden: [4], batchSize: 8 }, false],
  ['acer', { hidden: [4], onlineUpdate: false, replayUpdates: 1 }],
  ['pcl', { hidden: [4], onlineUpdate: false, replayUpdates: 1, batchSize: 1 }],
];
const make = async (name: string, settings: object, discrete: boolean) =>
  makeAgent(await agentKind(name), placeOf(new Abc({ discrete })), settings);

it.each(kinds)('%s with %j learns once its replay is full', async (name, settings, discrete = true) => {
  using agent = await make(name, { ...settings, capacity: 40, replayStart: 40 }, discrete);
  scope(() => {
    const training = new Training([new Abc({ discrete })], 0, 5);
    for (let step = 0; step < 15; step++) training.step(agent);
    expect(agent.statistics()['updates']).toBe(0);
    for (let step = 0; step < 60; step++) training.step(agent);
    expect(agent.statistics()['updates']).toBeGreaterThan(0);
  });
});

it.each(kinds.slice(0, 3))(
  '%s with %j refuses to wait for more than there is room for',
  async (name, settings, discrete = true) => {
    const made = make(name, { ...settings, capacity: 40, replayStart: 41 }, discrete);
    await expect(made).rejects.toThrow(ConfigError);
    await expect(made).rejects.toThrow(/41 steps \(replayStart\), and there is room for 40 \(capacity\)/);
  },
);
