// docs/serve.md: its program prints what it says, and its tables name what there is.
import { expect, it } from 'vitest';
import { cachedReasons } from '../packages/tsumugi/src/lm/index.ts';
import { defaultLimits, routes } from '../packages/tsumugi/src/serve/index.ts';
import { Metrics } from '../packages/tsumugi/src/serve/metrics.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const page = readPage('serve.md');
testPrograms(snippetsOf(page));

it('names every route', () => {
  const plain = (path: string) => path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}');
  const missing = routes
    .map(({ path }) => plain(path))
    .filter((path) => !path.startsWith('/page/') && !page.includes(`${path}\``));
  expect(missing).toEqual([]);
});

it('names every metric of ours', async () => {
  const text = await new Metrics(['m']).registry.metrics();
  const names = [...text.matchAll(/^# HELP (?:(vllm):)?(\S+)/gm)]
    .map(([, , name]) => name!)
    .filter((name) => !/^(process|nodejs)_/.test(name));
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !page.includes(name))).toEqual([]);
});

it('names every reason, and the limits', () => {
  for (const reason of Object.keys(cachedReasons)) if (reason !== 'disabled') expect(page).toContain(`\`${reason}\``);
  for (const number of [
    defaultLimits.contextTokens,
    defaultLimits.maxTokens,
    defaultLimits.queue,
    defaultLimits.connections,
  ])
    expect(page).toContain(number.toLocaleString('en-US'));
});
