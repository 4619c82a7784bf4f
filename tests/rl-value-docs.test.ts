// docs/rl/replay.md and the pages of DQN's and DDPG's families: their programs print what they say, and their tables have every setting with
// its default.
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { agentKind } from '../packages/tsumugi/src/rl/agents/registry.ts';
import { importanceDefaults } from '../packages/tsumugi/src/rl/replay/index.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const pages = {
  dqn: ['dqn', 'double-dqn', 'residual-dqn', 'sarsa', 'al', 'pal', 'double-pal', 'dpp', 'dppl', 'dpp-greedy'],
  'categorical-dqn': ['categorical-dqn', 'categorical-double-dqn'],
  rainbow: ['rainbow'],
  iqn: ['iqn', 'double-iqn'],
  naf: ['naf'],
  nsq: ['nsq'],
  ddpg: ['ddpg'],
  td3: ['td3'],
  sac: ['sac'],
};

const shared = readPage('rl/agents/dqn.md');
/** The page that says the most of what this one has in common with others. */
const parents: Readonly<Record<string, string>> = { rainbow: 'categorical-dqn', td3: 'ddpg', sac: 'ddpg' };
const shown = (value: unknown) => (Array.isArray(value) ? value.join(', ') : String(value));
const rowOf = (key: string, value: unknown) => `| \`${key}\` | ${shown(value)} |`;

describe.each(Object.entries(pages))('docs/rl/agents/%s.md', (name, agents) => {
  const page = readPage(`rl/agents/${name}.md`);

  it.each(agents)('has the settings of %s', async (agent) => {
    expect(page).toContain(`\`${agent}\``);
    const { config } = await agentKind(agent);
    const defaults = config.parse({}) as Record<string, unknown>;
    const known = parents[name] === undefined ? '' : readPage(`rl/agents/${parents[name]}.md`);
    for (const key of Object.keys((config as z.ZodObject).shape)) {
      const row = rowOf(key, defaults[key]);
      // The nearest page that has the setting at all says its default.
      const place = [page, known, shared].find((each) => each.includes(`| \`${key}\` |`));
      expect(place, `a row for ${key}`).toBeDefined();
      expect(place).toContain(row);
    }
  });
});

it('docs/rl/replay.md has the defaults of priorities', () => {
  const page = readPage('rl/replay.md');
  for (const [option, value] of Object.entries(importanceDefaults)) expect(page).toContain(rowOf(option, value));
});

testPrograms([readPage('rl/replay.md'), shared, readPage('rl/agents/sac.md')].flatMap(snippetsOf));
