// Agents that learn for minutes, three seeds each: what rl/*.learns.ts lists. A run fails when a seed does not reach its goal.
//   npm run test:long -- rl
//   node tests/long/rl.ts ppo            (those whose names begin so)
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { deriveSeed } from '../../packages/tsumugi/src/base/index.ts';
import { type Agent, agentKind, type Environment, makeEnvironment } from '../../packages/tsumugi/src/rl/index.ts';
import { scope } from '../../packages/tsumugi/src/torch/index.ts';

export interface LearningRun {
  name: string;
  agent: string;
  environment: string;
  settings: Readonly<Record<string, unknown>>;
  environments?: number;
  /** Of all environments together, at most. */
  steps: number;
  /** Mean return of `episodes` in evaluation, which ends the run. */
  goal: number;
  /** Factor of rewards in training. */
  rewardScale?: number;
}

const SEEDS = [0, 1, 2];
const [EVERY, EPISODES] = [2000, 20];

function meanReturn(agent: Agent, environment: Environment): number {
  using actor = agent.actor({ seed: 1 });
  let total = 0;
  for (let episode = 0; episode < EPISODES; episode++) {
    actor.reset(0);
    let { observation } = environment.reset({ seed: 1000 + episode });
    for (let ended = false; !ended; ) {
      const result = environment.step(actor.act([observation])[0]!);
      total += result.reward;
      observation = result.observation;
      ended = result.terminated || result.truncated;
    }
  }
  return total / EPISODES;
}

/** Trains until the goal is reached or the steps are over. */
async function learn(run: LearningRun, seed: number): Promise<{ steps: number; best: number }> {
  const numEnvironments = run.environments ?? 1;
  const make = async () => await makeEnvironment(run.environment);
  const all = await Promise.all(Array.from({ length: numEnvironments }, make));
  using test = await make();
  const { observationSpace, actionSpace } = test;
  const kind = await agentKind(run.agent);
  const place = { observationSpace, actionSpace, numEnvironments, steps: run.steps, seed, device: 'cpu' as const };
  using agent = kind.make(place, kind.config.parse(run.settings));
  let observations = all.map((each, i) => each.reset({ seed: deriveSeed(seed, 'environment', i) }).observation);
  let best = -Infinity;
  for (let steps = numEnvironments; steps <= run.steps; steps += numEnvironments) {
    const actions = agent.act(observations);
    const outcomes = all.map((environment, i) => {
      const { observation: next, reward, terminated, truncated } = environment.step(actions[i]!);
      return { reward: reward * (run.rewardScale ?? 1), next, terminated, truncated };
    });
    agent.observe(outcomes);
    observations = outcomes.map(({ next, terminated, truncated }, i) =>
      terminated || truncated ? all[i]!.reset().observation : next,
    );
    if (Math.floor(steps / EVERY) === Math.floor((steps - numEnvironments) / EVERY)) continue;
    best = Math.max(
      best,
      scope(() => meanReturn(agent, test)),
    );
    if (best >= run.goal) return { steps, best };
  }
  return { steps: Infinity, best };
}

const files = globSync('rl/*.learns.ts', { cwd: import.meta.dirname }).sort();
const runs: LearningRun[] = [];
for (const file of files)
  runs.push(...((await import(join(import.meta.dirname, file))) as { runs: LearningRun[] }).runs);
const [prefix = ''] = process.argv.slice(2);
for (const run of runs.filter(({ name }) => name.startsWith(prefix)))
  for (const seed of SEEDS) {
    const began = process.cpuUsage();
    const { steps, best } = await learn(run, seed);
    const seconds = process.cpuUsage(began).user / 1e6;
    const verdict = steps === Infinity ? 'FAILED' : `reached ${run.goal} after ${steps} steps`;
    console.log(`${run.name}, seed ${seed}: ${verdict}, best mean return ${best.toFixed(1)}, ${seconds.toFixed(0)} s`);
    if (steps === Infinity) process.exitCode = 1;
  }
