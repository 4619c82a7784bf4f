// docs/rl/agents: the pages of agents with a policy have every setting with its default, on the agent's own page or the shared one.
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { policyKinds } from '../packages/tsumugi/src/rl/agents/policy-kinds.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const shared = readPage('rl/agents/policies.md');
const shown = (value: unknown) => (Array.isArray(value) ? value.join(', ') : String(value));

describe.each(policyKinds)('docs/rl/agents/%s.md', (name, load) => {
  it('has the settings', async () => {
    const page = readPage(`rl/agents/${name}.md`);
    expect(page).toContain(`\`${name}\``);
    const { config } = await load();
    const defaults = config.parse({}) as Record<string, unknown>;
    for (const key of Object.keys((config as z.ZodObject).shape)) {
      // The agent's own page says what differs from the shared one.
      const place = page.includes(`| \`${key}\` |`) ? page : shared;
      expect(place, key).toContain(`| \`${key}\` | ${shown(defaults[key])} |`);
    }
  });
});

testPrograms(snippetsOf(shared));
