// docs/sft.md, docs/preference.md, docs/reward.md and docs/grpo.md: their tables say what the code says, and their programs run.
import { describe, expect, it } from 'vitest';
import { describeSettings } from '../packages/tsumugi/src/cli/describe-settings.ts';
import {
  dpoConfig,
  dpoMayChange,
  grpoConfig,
  grpoMayChange,
  rewardConfig,
  rewardMayChange,
  sftConfig,
  sftMayChange,
} from '../packages/tsumugi/src/train/index.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const pages = {
  'sft.md': { config: sftConfig, mayChange: sftMayChange },
  'preference.md': { config: dpoConfig, mayChange: dpoMayChange },
  'reward.md': { config: rewardConfig, mayChange: rewardMayChange },
  'grpo.md': { config: grpoConfig, mayChange: grpoMayChange },
};

describe.each(Object.entries(pages))('%s', (name, { config, mayChange }) => {
  const page = readPage(name);

  it('has every setting, with its default and whether it may change', () => {
    const may = new Set<string>(mayChange);
    const rows = describeSettings(config).map(
      ([key, text]) => `| \`${key}\` | ${text} | ${may.has(key) ? 'yes' : ''} |`,
    );
    const lines = page.split('\n| setting | | may change later |\n')[1]!.split('\n');
    expect(lines.slice(1, lines.indexOf(''))).toEqual(rows);
  });

  const snippets = snippetsOf(page);
  testPrograms(snippets);
});
