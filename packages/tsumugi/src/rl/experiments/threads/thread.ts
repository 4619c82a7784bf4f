// A thread of an asynchronous training: an agent that follows the shared one, in an environment of its own.
import { parentPort, workerData } from 'node:worker_threads';
import { deriveSeed } from '../../../base/index.ts';
import { parseDevice } from '../../../torch/index.ts';
import type { SharedAgent } from '../../agent.ts';
import { agentKind } from '../../agents/registry.ts';
import { plainError } from '../../vector/at-index.ts';
import { openEnvironment } from '../environments.ts';
import { loadModules } from '../modules.ts';
import { requireReward } from '../rewards.ts';
import { StepMemory } from './memory.ts';
import type { FromThread, ThreadPlan } from './messages.ts';

export type { ThreadPlan } from './messages.ts';

const { index, config, environment: setting, totalSteps, shared, steps } = workerData as ThreadPlan;
const tell = (message: FromThread) => parentPort!.postMessage(message);

async function run(): Promise<void> {
  await loadModules(config.modules);
  const kind = await agentKind(config.agent);
  using environment = await openEnvironment(setting);
  const { observationSpace, actionSpace } = environment;
  const seed = deriveSeed(config.seed, 'agent', index + 1);
  const device = parseDevice(config.device, 'device');
  using agent = kind.make(
    { observationSpace, actionSpace, numEnvironments: 1, steps: totalSteps, seed, device },
    config.agentSettings,
  ) as SharedAgent;
  agent.follow(shared);
  const memory = new StepMemory(steps);
  let { observation } = environment.reset({ seed: deriveSeed(config.seed, 'environments', index, memory.taken) });
  let [total, length] = [0, 0];
  for (;;) {
    const step = memory.take();
    if (step === undefined) {
      const { limit } = memory;
      if (memory.taken < limit) continue; // it was raised just now
      tell({ statistics: agent.statistics() });
      if (!memory.wait(limit)) return;
      continue;
    }
    agent.steps = step;
    const [action] = agent.act([observation]);
    const { observation: next, reward, terminated, truncated } = environment.step(action!);
    const ends = truncated && config.timeLimitTerminates;
    requireReward(reward, index, length + 1);
    agent.observe([{ reward, next, terminated: terminated || ends, truncated: truncated && !ends }]);
    total += reward;
    length++;
    observation = next;
    if (!terminated && !truncated) continue;
    tell({ return: total, length });
    [total, length] = [0, 0];
    ({ observation } = environment.reset());
  }
}

try {
  await run();
} catch (error) {
  tell({ failed: plainError(index, error) });
}
