// docs/distillation.md: the program prints what it says, and the table has the settings with their defaults.
import { expect, it } from 'vitest';
import { distillConfig } from '../packages/tsumugi/src/train/index.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const page = readPage('distillation.md');
const snippets = snippetsOf(page);
testPrograms(snippets);

it('names settings that there are, with their defaults', () => {
  const table = page.split('## Settings')[1]!.split('## Errors')[0]!;
  const rows = [...table.matchAll(/^\| (`[^|]*`) \| ([^|]*) \|/gm)];
  expect(rows.length).toBeGreaterThan(8);
  const defaults = distillConfig.parse({ teacher: 't', model: 'm', data: 'd', out: 'o' });
  for (const [, names, value] of rows)
    for (const [, name] of names!.matchAll(/`(\w+)`/g)) {
      expect(Object.keys(distillConfig.shape)).toContain(name);
      const found = defaults[name as keyof typeof defaults];
      if (found !== undefined) expect(value, name).toContain(String(found));
    }
});
