// What a trained agent's folder is good for: acting as the agent did, demonstrations, pictures; and what is refused.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scope } from '../../torch/index.ts';
import { makeVectorEnvironment, SerialVectorEnvironment } from '../vector/index.ts';
import { silent, type TinyRuns, tinyRuns } from './experiments.testing.ts';
import {
  collectDemonstrations,
  evaluateActor,
  loadAgent,
  loadDemonstrations,
  recordEpisodes,
  type TrainAgentResult,
  trainAgent,
} from './index.ts';

let runs: TinyRuns;
let trained: TrainAgentResult;
beforeAll(async () => {
  runs = tinyRuns();
  const settings = { maxEpisodeSteps: 20, agentSettings: { evaluationEpsilon: 0.3 } };
  trained = await trainAgent(runs.config('run', settings), { stream: silent });
}, 120_000);
afterAll(() => runs[Symbol.dispose]());
const model = () => runs.at('run', 'model');

const evaluate = async (options: object = {}, seed = 1) => {
  using loaded = await loadAgent(model(), options);
  using environments = new SerialVectorEnvironment([await loaded.makeEnvironment()]);
  return await evaluateActor(loaded.actor, environments, { length: { episodes: 4 }, seed });
};

it('acts as the agent that was trained, the same for the same seeds', async () => {
  const first = await evaluate();
  expect(await evaluate()).toEqual(first);
  expect(await evaluate({ seed: 7 })).not.toEqual(first);
  expect(await evaluate({}, 2)).not.toEqual(first);
  expect(Math.max(...(await evaluate()).lengths)).toBeLessThanOrEqual(20);
});

it('says of itself what it was trained for and came to', async () => {
  using loaded = await loadAgent(model());
  expect(loaded.config).toMatchObject({
    agent: 'linear-q',
    settings: { epsilon: 0.2, evaluationEpsilon: 0.3 },
    environment: 'Corridor-v0',
    maxEpisodeSteps: 20,
    steps: 300,
    evaluation: { mean: trained.evaluation!.mean, episodes: 3 },
  });
});

it('makes no room for replay that it does not need', async () => {
  const folder = runs.at('large');
  await trainAgent(
    runs.config('large', {
      agent: 'dqn',
      steps: 20,
      agentSettings: { hidden: [4], replayStart: 10, batchSize: 2, capacity: 50 },
    }),
    { stream: silent },
  );
  const path = `${folder}/model/agent.json`;
  const config = JSON.parse(readFileSync(path, 'utf8')) as { settings: Record<string, number> };
  // As much as no machine has.
  Object.assign(config.settings, { capacity: 1e13, replayStart: 1e12 });
  writeFileSync(path, JSON.stringify(config));
  using loaded = await loadAgent(`${folder}/model`);
  expect(loaded.actor.act([Float32Array.of(1, 0, 0, 0)])).toHaveLength(1);
});

it('writes several whole numbers as columns, too', async () => {
  using environments = await makeVectorEnvironment('Blackjack-v1', 1);
  const actor = { act: () => [0], reset() {}, [Symbol.dispose]() {} };
  const out = runs.at('blackjack.safetensors');
  const { steps } = await collectDemonstrations(actor, environments, { length: { episodes: 3 }, seed: 3, out });
  scope(() => {
    const { observation, next } = loadDemonstrations(out);
    expect(observation!.shape).toEqual([steps, 3]);
    expect(observation!.tolist()).toEqual(next!.tolist()); // sticking, one sees the same
  });
});

it('writes what it did as columns, the episodes one after the other', async () => {
  using loaded = await loadAgent(model(), { numEnvironments: 2 });
  using environments = await makeVectorEnvironment('Corridor-v0', 2, { options: { maxSteps: 4 } });
  const out = runs.at('demonstrations.safetensors');
  const { returns, steps } = await collectDemonstrations(loaded.actor, environments, {
    length: { episodes: 3 },
    seed: 3,
    out,
  });
  const columns = loadDemonstrations(out);
  const numbers = (name: string) => columns[name]!.tolist() as number[];
  expect(columns['observation']!.shape).toEqual([steps, 4]);
  expect([...new Set(numbers('episode').map(Number))]).toEqual([0, 1, 2]);
  const totals = [0, 0, 0];
  const ends: number[] = [];
  for (let i = 0; i < steps; i++) {
    totals[Number(numbers('episode')[i])]! += numbers('reward')[i]!;
    if (numbers('terminated')[i] || numbers('truncated')[i]) ends.push(Number(numbers('episode')[i]));
  }
  expect(ends).toEqual([0, 1, 2]);
  for (const [i, each] of totals.entries()) expect(each).toBeCloseTo(returns[i]!, 5);
  // Within an episode, what comes next is what is seen next.
  const [seen, next] = [columns['observation']!.tolist(), columns['next']!.tolist()] as number[][][];
  for (let i = 0; i + 1 < steps; i++)
    if (numbers('episode')[i] === numbers('episode')[i + 1]) expect(next![i]).toEqual(seen![i + 1]);
  for (const column of Object.values(columns)) column.dispose();
});

it('is filmed in every state of its episodes, and no further', async () => {
  using loaded = await loadAgent(model());
  const film = (maxFrames: number) => async () =>
    await recordEpisodes(loaded.actor, await loaded.makeEnvironment(), { episodes: 2, seed: 5, maxFrames });
  const { frames, lengths } = await film(1000)();
  expect(frames).toHaveLength(lengths[0]! + lengths[1]! + 2);
  const place = ({ data }: { data: Uint8Array }) => data.indexOf(255) / 6;
  expect([place(frames[0]!), place(frames[lengths[0]! + 1]!)]).toEqual([0, 0]);
  expect(place(frames.at(-1)!)).toBe(3);
  expect((await film(3)()).frames).toHaveLength(3);
});

it('is refused where it is no agent, or no longer fits its environment', async () => {
  await expect(loadAgent(runs.at('none'))).rejects.toThrow('does not exist');
  await expect(loadAgent(runs.at('run'))).rejects.toThrow(/it has no agent\.json\n.*Name .*best or .*model\./);
  const file = runs.at('run', 'best', 'agent.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...config, observationSpace: 'Box(0, 1, [5], float32)' }));
  await expect(loadAgent(runs.at('run', 'best'))).rejects.toThrow(
    'was trained with the observationSpace Box(0, 1, [5], float32), and Corridor-v0 has Box(0, 1, [4], float32)',
  );
  writeFileSync(file, JSON.stringify({ ...config, settings: { epsilom: 1 } }));
  await expect(loadAgent(runs.at('run', 'best'))).rejects.toThrow('there is no setting "epsilom"');
});
