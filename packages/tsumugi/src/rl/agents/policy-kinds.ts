// The agents with a policy by name, for the registry.
import type { AgentKind } from './kind-config.ts';

export const policyKinds: readonly [name: string, load: () => Promise<AgentKind>][] = [
  ['ppo', async () => (await import('./ppo-config.ts')).ppo],
  ['a2c', async () => (await import('./a2c-config.ts')).a2c],
];
