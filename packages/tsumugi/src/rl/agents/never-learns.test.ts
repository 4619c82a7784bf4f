// Replay that is too small for the first update.
import { expect, it } from 'vitest';
import { ConfigError } from '../../base/index.ts';
import type { Agent } from '../agent.ts';
import { Box, Discrete } from '../spaces/index.ts';
import { agentKind, agentNames } from './registry.ts';

async function make(name: string, given: Record<string, unknown>): Promise<Agent> {
  const kind = await agentKind(name);
  const settings = Object.fromEntries(Object.entries(given).filter(([key]) => key in kind.config.shape));
  const continuous = ['ddpg', 'td3', 'sac', 'pgt', 'naf'].includes(name);
  return kind.make(
    {
      observationSpace: new Box(-1, 1, [2]),
      actionSpace: continuous ? new Box(-1, 1, [1]) : new Discrete(2),
      ...{ numEnvironments: 1, steps: 100, seed: 0, device: 'cpu' },
    },
    kind.config.parse({ hidden: [4], ...settings }),
  );
}

it('every agent with replay refuses to wait for more than there is room for', async () => {
  const refused: string[] = [];
  for (const name of agentNames()) {
    const { config } = await agentKind(name);
    if (!('replayStart' in config.shape)) continue;
    await expect(make(name, { capacity: 100, replayStart: 101, batchSize: 2 }), name).rejects.toThrow(ConfigError);
    using _ = await make(name, { capacity: 100, replayStart: 50, batchSize: 2 });
    refused.push(name);
  }
  expect(refused.length).toBeGreaterThan(20);
});
