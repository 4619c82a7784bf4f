// Threads that train an agent together: they learn, take exactly as many steps as were asked for, go on from a checkpoint, and a
// failure of one is told.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, UserError } from '../../../base/index.ts';
import { temporaryFolder } from '../../../images/images.testing.ts';
import { readEvents } from '../../../run/index.ts';
import { loadAgent, rlConfig, trainAgent } from '../index.ts';

let home: ReturnType<typeof temporaryFolder>;
beforeAll(() => {
  home = temporaryFolder();
});
afterAll(() => home[Symbol.dispose]());

const small = { hidden: [16], optimizer: 'adam', optimizerEps: 1e-8, learningRate: 0.01 };
const silent = { write: () => true };
const settings = (name: string, changes: object = {}) =>
  rlConfig.parse({
    environment: 'ABC-v0',
    agent: 'a3c',
    agentSettings: small,
    threads: 2,
    steps: 3000,
    logEvery: 500,
    evaluation: { interval: 1500, episodes: 5 },
    out: join(home.path, name),
    ...changes,
  });
const events = (name: string) => readEvents(join(home.path, name, 'events.jsonl'));

const others = {
  nsq: { hidden: [16], optimizer: 'adam', optimizerEps: 1e-8, learningRate: 0.01, targetUpdateInterval: 50, epsilonSteps: 1000 },
  acer: { hidden: [16], optimizer: 'adam', optimizerEps: 1e-8, learningRate: 0.01, replayStart: 50, replayUpdates: 1 },
  pcl: { hidden: [16], learningRate: 0.01, batchSize: 2 },
}; // biome-ignore format: a row for each

describe.each(Object.entries({ a3c: small, ...others }))('%s', (agent, agentSettings) => {
  it('learns with two threads', async () => {
    // It ends where it has learned; how soon that is depends on the order of the threads' steps.
    const changes = {
      agent,
      agentSettings,
      successfulScore: 1,
      steps: 20_000,
      evaluation: { interval: 1000, episodes: 5 },
    };
    const result = await trainAgent(settings(agent, changes), { stream: silent });
    expect(result.evaluation!.mean).toBe(1);
    expect(result.steps % 500).toBe(0);
    const steps = events(agent).filter(({ type }) => type === 'step');
    expect(steps.map(({ step }) => step)).toEqual(steps.map((_, i) => 500 * (i + 1)));
    using loaded = await loadAgent(join(home.path, agent, 'model'));
    expect(loaded).toBeDefined();
  });
});

it('goes on from its weights, and says what is lost', async () => {
  await trainAgent(settings('parts', { steps: 1000 }), { stream: silent });
  const said: string[] = [];
  const stream = { write: (text: string) => said.push(text) > 0 };
  const result = await trainAgent(settings('parts', { steps: 2200, threads: 3 }), { stream, resume: true });
  expect(result.steps).toBe(2500); // whole strides
  expect(said.join('')).toMatch(/what threads were at cannot be saved/);
  const updates = events('parts').filter(({ type }) => type === 'step');
  expect(updates.map(({ step }) => step)).toEqual([500, 1000, 1500, 2000, 2500]);
  expect(
    readFileSync(join(home.path, 'parts', 'scores.txt'), 'utf8')
      .trim()
      .split('\n').length,
  ).toBeGreaterThan(2);
});

it('tells which thread failed, and ends', async () => {
  const broken = settings('broken', { environmentOptions: { size: 0 } });
  await expect(trainAgent(broken, { stream: silent })).rejects.toThrow(UserError);
  expect(existsSync(join(home.path, 'broken', 'model'))).toBe(false);
});

it('refuses agents that threads cannot train, and settings without effect', async () => {
  const train = (changes: object) => trainAgent(settings('refused', changes), { stream: silent });
  await expect(train({ agent: 'dqn', agentSettings: {} })).rejects.toThrow(/threads cannot train dqn together/);
  await expect(train({ numEnvironments: 4 })).rejects.toThrow(ConfigError);
  await expect(train({ workers: 1 })).rejects.toThrow(/no effect/);
  expect(existsSync(join(home.path, 'refused'))).toBe(false);
});
