// Every setting of DDPG, TD3 and SAC changes what comes out; what is no setting is refused.
import { describe, expect, it } from 'vitest';
import { namedTensors } from '../../nn/index.ts';
import { Box } from '../spaces/index.ts';
import type { AgentPlace } from './kind-config.ts';
import { agentKind } from './registry.ts';

const place: AgentPlace = {
  observationSpace: new Box(-1, 1, [2]),
  actionSpace: new Box(-2, 2, [2]),
  numEnvironments: 1,
  steps: 100,
  seed: 1,
  device: 'cpu',
};
const small = { hidden: [4], capacity: 40, replayStart: 8, batchSize: 4 };

/** All weights and the last action after some steps. */
async function trained(name: string, settings: object, where: Partial<AgentPlace> = {}): Promise<string> {
  const kind = await agentKind(name);
  using agent = kind.make({ ...place, ...where }, kind.config.parse({ ...small, ...settings }));
  const seen = (step: number) => Float32Array.of(Math.sin(step), Math.cos(step));
  let last: unknown;
  for (let step = 0; step < 40; step++) {
    [last] = agent.act([seen(step)]);
    agent.observe([{ reward: Math.sin(3 * step), next: seen(step + 1), terminated: step % 9 === 8, truncated: false }]);
  }
  const weights = Object.values(agent.networks).flatMap((network) =>
    [...namedTensors(network)].map(([, each]) => each.tolist()),
  );
  return JSON.stringify([weights, [...(last as Float32Array)]]);
}

const others = {
  all: {
    hidden: [5],
    weightInit: 'orthogonal',
    learningRate: 1e-4,
    gamma: 0.5,
    softUpdate: 0.1,
    capacity: 20,
    steps: 2,
    replayStart: 12,
    batchSize: 6,
    updateInterval: 2,
    updatesPerInterval: 2,
  },
  ddpg: { explorer: 'ou', noise: 0.3, memory: 'gru' },
  td3: { explorer: 'greedy', noise: 0.3, targetNoise: 0, targetNoiseClip: 0.1, policyInterval: 3 },
  sac: { initialTemperature: 0.3, targetEntropy: 'none' },
} as const;

/** Those that count with a memory alone. */
const withMemory = { memorySize: 3, episodicLength: 2 };

const usual = new Map<string, Promise<string>>();
const asUsual = (name: string) => usual.getOrInsertComputed(name, () => trained(name, {}));

describe.each(['ddpg', 'td3', 'sac'] as const)('%s', (name) => {
  it('is tested with each of its settings', async () => {
    const { config } = await agentKind(name);
    const tested = { ...others.all, ...others[name], ...(name === 'ddpg' && withMemory) };
    expect(Object.keys(config.shape).sort()).toEqual(Object.keys(tested).sort());
  });

  it('does the same with the same seed, and something else with another one', async () => {
    expect(await trained(name, {})).toBe(await asUsual(name));
    expect(await trained(name, {}, { seed: 2 })).not.toBe(await asUsual(name));
  });

  it.each(Object.entries({ ...others.all, ...others[name] }))('heeds %s', async (setting, value) => {
    expect(await trained(name, { [setting]: value })).not.toBe(await asUsual(name));
  });

  it('refuses what is no setting', async () => {
    const { config } = await agentKind(name);
    expect(config.safeParse({ learningrate: 1 }).success).toBe(false);
  });
});

it.each(Object.entries(withMemory))('ddpg with a memory heeds %s', async (setting, value) => {
  const memory = { memory: 'gru', batchSize: 2, replayStart: 8 };
  expect(await trained('ddpg', { ...memory, [setting]: value })).not.toBe(await trained('ddpg', memory));
});
