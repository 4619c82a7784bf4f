// docs/lora.md: the program prints what it says, and the table has the settings as the code describes them.
import { expect, it } from 'vitest';
import { z } from 'zod';
import { describeSettings } from '../packages/tsumugi/src/cli/describe-settings.ts';
import { adapterSettings } from '../packages/tsumugi/src/train/index.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const page = readPage('lora.md');

it('has every setting', () => {
  const rows = describeSettings(z.strictObject(adapterSettings())).map(([key, text]) => `| \`${key}\` | ${text} |`);
  const lines = page.split('\n| setting | |\n')[1]!.split('\n');
  expect(lines.slice(1, lines.indexOf(''))).toEqual(rows);
});

const snippets = snippetsOf(page);
testPrograms(snippets);
