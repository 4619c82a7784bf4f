// DQN's family on CartPole: with each of three seeds, ten episodes of at least 195 steps on average, which is where CartPole-v0
// counted as solved, at some time within 40,000 steps of training (a random policy has about 22). NAF on Pendulum: a return above
// −300 (a random policy has about −1200).
import { expect, it } from 'vitest';
import { evaluate, makeAgent, placeOf, Training } from '../../../packages/tsumugi/src/rl/agents/agents.testing.ts';
import { agentKind, makeEnvironment } from '../../../packages/tsumugi/src/rl/index.ts';

const shared = {
  hidden: [64, 64],
  learningRate: 1e-3,
  capacity: 50_000,
  replayStart: 1000,
  targetUpdateInterval: 200,
  updateInterval: 2,
  batchSize: 64,
  epsilonEnd: 0.05,
  epsilonSteps: 5000,
};
const returns = { atoms: 51, atomMin: 0, atomMax: 100 };
const few = { quantiles: 16, targetQuantiles: 16, actingQuantiles: 16, cosines: 32 };

interface Case {
  agent: string;
  settings?: Readonly<Record<string, unknown>>;
  environment?: string;
  /** Of the rewards. */
  scale?: number;
  steps?: number;
  enough?: number;
}

const cases: Case[] = [
  { agent: 'dqn' },
  { agent: 'dqn', settings: { dueling: true, duelingHidden: 64 } },
  { agent: 'double-dqn', settings: { prioritized: true, steps: 3, betaSteps: 20_000 } },
  { agent: 'residual-dqn' },
  { agent: 'al' },
  { agent: 'pal' },
  { agent: 'double-pal' },
  { agent: 'dpp', settings: { eta: 1 } },
  { agent: 'dppl', settings: { eta: 1 } },
  { agent: 'dpp-greedy' },
  { agent: 'sarsa' },
  { agent: 'categorical-dqn', settings: returns },
  { agent: 'categorical-double-dqn', settings: returns },
  {
    agent: 'rainbow',
    settings: { ...returns, duelingHidden: 64, optimizerEps: 1e-8, betaSteps: 20_000, noisy: 0.5, updateInterval: 2 },
  },
  { agent: 'iqn', settings: few },
  { agent: 'double-iqn', settings: few },
  {
    agent: 'dqn',
    settings: { memory: 'lstm', memorySize: 32, hidden: [32], episodicLength: 10, batchSize: 32, updateInterval: 4 },
  },
  {
    agent: 'nsq',
    settings: {
      hidden: [64, 64],
      optimizer: 'adam',
      learningRate: 1e-3,
      optimizerEps: 1e-8,
      targetUpdateInterval: 200,
      epsilonEnd: 0.05,
      epsilonSteps: 5000,
    },
  },
  {
    agent: 'naf',
    environment: 'Pendulum-v1',
    settings: {
      updateInterval: 1,
      explorer: 'ou',
      noise: 0.2,
      epsilonEnd: undefined,
      epsilonSteps: undefined,
      targetUpdateInterval: 100,
    },
    scale: 0.01,
    steps: 20_000,
    enough: -300,
  },
];

/** The best mean return over ten episodes, of evaluations every 2000 steps until it is enough. */
async function train(
  { agent: name, settings, environment = 'CartPole-v1', scale = 1, steps = 40_000, enough = 195 }: Case,
  seed: number,
) {
  using world = await makeEnvironment(environment);
  using test = await makeEnvironment(environment);
  test.reset({ seed: 1000 + seed });
  const given = name === 'nsq' ? settings! : { ...shared, ...settings };
  using agent = makeAgent(await agentKind(name), placeOf(world, { seed, steps }), given);
  using actor = agent.actor();
  const scaled =
    scale === 1
      ? world
      : {
          ...bound(world),
          step: (action: never) => {
            const result = world.step(action);
            return { ...result, reward: scale * result.reward };
          },
        };
  const training = new Training([scaled as typeof world], seed);
  let best = -Infinity;
  for (let step = 1; step <= steps; step++) {
    training.step(agent);
    if (step % 2000 !== 0) continue;
    const found = evaluate(actor, test, 10);
    best = Math.max(best, found.reduce((a, b) => a + b) / found.length);
    if (best >= enough) return { best, step };
  }
  return { best, step: steps };
}

const bound = (world: Awaited<ReturnType<typeof makeEnvironment>>) => ({
  reset: world.reset.bind(world),
  observationSpace: world.observationSpace,
  actionSpace: world.actionSpace,
});

for (const each of cases)
  it(`${each.agent} ${JSON.stringify(each.settings ?? {})} learns ${each.environment ?? 'CartPole-v1'} with seeds 0, 1 and 2`, async () => {
    const found = [];
    for (const seed of [0, 1, 2]) found.push(await train(each, seed));
    console.log(each.agent, found.map(({ best, step }) => `${best.toFixed(0)} at ${step}`).join(', '));
    for (const { best } of found) expect(best).toBeGreaterThanOrEqual(each.enough ?? 195);
  });
