// The agents with a policy by name, for the registry.
import type { AgentKind } from './kind-config.ts';

export const policyKinds: readonly [name: string, load: () => Promise<AgentKind>][] = [
  ['ppo', async () => (await import('./ppo-config.ts')).ppo],
  ['reinforce', async () => (await import('./reinforce-config.ts')).reinforce],
  ['trpo', async () => (await import('./trpo-config.ts')).trpo],
  ['a3c', async () => (await import('./a3c-config.ts')).a3c],
  ['acer', async () => (await import('./acer-config.ts')).acer],
  ['pcl', async () => (await import('./pcl-config.ts')).pcl],
  ['pgt', async () => (await import('./pgt-config.ts')).pgt],
  ['a2c', async () => (await import('./a2c-config.ts')).a2c],
];
