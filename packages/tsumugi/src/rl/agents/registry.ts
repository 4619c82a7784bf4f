// The agents by name, each loaded when it is asked for.
import { ConfigError, suggestion } from '../../base/index.ts';
import type { AgentKind } from './kind-config.ts';
import { policyKinds } from './policy-kinds.ts';

type Load = () => Promise<AgentKind>;

const dqnFamily = () => import('./dqn-config.ts');
const categorical = () => import('./categorical-dqn-config.ts');
const quantile = () => import('./iqn-config.ts');

const kinds = new Map<string, Load>([
  ...policyKinds,
  ['ddpg', async () => (await import('./ddpg-config.ts')).ddpg],
  ['sac', async () => (await import('./sac-config.ts')).sac],
  ['td3', async () => (await import('./td3-config.ts')).td3],
  ['dqn', async () => (await dqnFamily()).dqn],
  ['double-dqn', async () => (await dqnFamily()).doubleDqn],
  ['residual-dqn', async () => (await dqnFamily()).residualDqn],
  ['al', async () => (await dqnFamily()).al],
  ['pal', async () => (await dqnFamily()).pal],
  ['double-pal', async () => (await dqnFamily()).doublePal],
  ['dpp', async () => (await dqnFamily()).dpp],
  ['dppl', async () => (await dqnFamily()).dppl],
  ['dpp-greedy', async () => (await dqnFamily()).dppGreedy],
  ['sarsa', async () => (await dqnFamily()).sarsa],
  ['categorical-dqn', async () => (await categorical()).categoricalDqn],
  ['categorical-double-dqn', async () => (await categorical()).categoricalDoubleDqn],
  ['rainbow', async () => (await categorical()).rainbow],
  ['iqn', async () => (await quantile()).iqn],
  ['double-iqn', async () => (await quantile()).doubleIqn],
  ['nsq', async () => (await import('./nsq-config.ts')).nsq],
  ['naf', async () => (await import('./naf-config.ts')).naf],
]);

/** Names an agent: settings files and the command line can train it from then on. A name that is there is replaced. */
export function registerAgent(name: string, load: Load): void {
  kinds.set(name, load);
}

export const agentNames = (): string[] => [...kinds.keys()].sort();

/** @throws ConfigError with the nearest name when there is none of this name */
export async function agentKind(name: string): Promise<AgentKind> {
  const load = kinds.get(name);
  if (load) return await load();
  throw new ConfigError('unknown-agent', `there is no agent "${name}"`, {
    remedy: suggestion(name, agentNames()),
    fields: { agent: name, known: agentNames() },
  });
}
