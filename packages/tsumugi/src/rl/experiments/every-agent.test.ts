// Every agent of the registry in a training: it goes on from a checkpoint bit for bit, acts from its folder's weights alone, and an
// evaluation moves nothing.
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { sha256 } from '../../base/index.ts';
import { temporaryFolder } from '../../images/images.testing.ts';
import { namedTensors } from '../../nn/index.ts';
import { loadCheckpoint, saveCheckpoint } from '../../store/index.ts';
import { scope } from '../../torch/index.ts';
import type { Agent } from '../agent.ts';
import { agentKind, agentNames } from '../agents/registry.ts';
import { evaluateActor, rlConfig } from './index.ts';
import { prepareTraining } from './prepare.ts';
import { Trainer } from './trainer.ts';

const home = temporaryFolder();
afterAll(() => home[Symbol.dispose]());

/** Settings with which every agent has learned a few times after forty steps. */
const small: Readonly<Record<string, unknown>> = {
  hidden: [8],
  replayStart: 10,
  batchSize: 4,
  capacity: 200,
  targetUpdateInterval: 5,
  updateInterval: 8,
  updateSteps: 4,
  minibatchSize: 4,
  epochs: 2,
  rolloutLength: 4,
  // Episodes are cut off after nine steps.
  timeouts: 'terminal',
};

/** A complete config for the agent, in the first of these environments that it acts in. */
async function configOf(agent: string) {
  const { config } = await agentKind(agent);
  const counts = (key: string) => key in config.shape && !(agent === 'residual-dqn' && key === 'targetUpdateInterval');
  const agentSettings = Object.fromEntries(Object.entries(small).filter(([key]) => counts(key)));
  for (const environment of ['CartPole-v1', 'Pendulum-v1']) {
    const all = { environment, agent, agentSettings, out: home.at('none'), numEnvironments: 2, maxEpisodeSteps: 9 };
    const settings = rlConfig.parse(all);
    try {
      using prepared = await prepareTraining(settings);
      using _ = new Trainer(prepared.config, prepared.kind, prepared.training);
      return settings;
    } catch (error) {
      if (environment === 'Pendulum-v1') throw error;
    }
  }
  throw new Error('unreachable');
}

const hashOf = ({ networks }: Agent): string =>
  scope(() =>
    sha256(
      JSON.stringify(
        Object.entries(networks).map(([name, each]) => [
          name,
          [...namedTensors(each)].map(([path, tensor]) => [path, tensor.tolist()]),
        ]),
      ),
    ),
  );

it.each(agentNames())('%s', async (name) => {
  const settings = await configOf(name);
  using prepared = await prepareTraining(settings);
  using again = await prepareTraining(settings);
  const { config, kind, training, evaluation } = prepared;
  using whole = new Trainer(config, kind, training);
  const before = hashOf(whole.agent);
  for (let i = 0; i < 20; i++) whole.takeStep();
  expect(hashOf(whole.agent), 'it has learned').not.toBe(before);
  const folder = join(home.path, name);
  scope(() => saveCheckpoint(folder, whole.step, whole.checkpoint(0)));
  // The one goes on with an evaluation, the other from the checkpoint.
  const evaluate = async (agent: Agent) => {
    using actor = agent.actor({ seed: 5 });
    return await evaluateActor(actor, evaluation, { length: { episodes: 2 }, seed: 3 });
  };
  const measured = await evaluate(whole.agent);
  using resumed = new Trainer(again.config, again.kind, again.training);
  using checkpoint = loadCheckpoint(join(folder, 'step-000000040'));
  expect(resumed.restore(checkpoint)).toBe(true);
  expect(await evaluate(resumed.agent)).toEqual(measured);
  for (const trainer of [whole, resumed]) for (let i = 0; i < 20; i++) trainer.takeStep();
  expect(hashOf(resumed.agent)).toBe(hashOf(whole.agent));
  expect(resumed.agent.statistics()).toEqual(whole.agent.statistics());
});
