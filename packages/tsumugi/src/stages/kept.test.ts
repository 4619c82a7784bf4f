// Half-done evaluations: what is read again is what was measured, and nothing else.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { foundSchema, heldOutSchema, type TaskMetrics } from './evaluation-manifest.ts';
import { keep, kept } from './kept.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-kept-'));
afterAll(() => rmSync(home, { recursive: true }));
const file = join(home, 'results', 'a.json');
const lines: string[] = [];
const stream = { write: (text: string) => lines.push(text) > 0 };

const heldOut = { model: 'a', sequenceLength: 64, bitsPerCharacter: 4.5, perplexity: 9 };
const metric = { value: 0.5, low: null, high: null };
const found: TaskMetrics[] = [
  {
    model: 'a',
    task: 'needle',
    version: 1,
    metric: 'recall',
    lowerIsBetter: false,
    n: 3,
    metrics: { recall: metric },
    groups: { 'depth 0': { n: 3, metrics: { recall: metric } } },
    settings: { limit: 3, greedy: true },
    promptHash: 'a',
    requestsHash: 'b',
    heatmap: { title: 't', xLabel: 'x', yLabel: 'y', x: [1], y: ['a'], values: [[null]] },
  },
];

it('reads again what was kept', () => {
  expect(kept(file, heldOutSchema, stream)).toBeUndefined();
  expect(kept(keep(file, heldOut) && file, heldOutSchema, stream)).toEqual(heldOut);
  keep(file, found);
  expect(kept(file, foundSchema, stream)).toEqual(found);
  expect(lines).toEqual([]);
});

it('measures again what is damaged, says so, and replaces it', () => {
  for (const text of ['{"model": "a"', '[]', '{}', JSON.stringify({ ...heldOut, bitsPerCharacter: '4' })]) {
    writeFileSync(file, text);
    expect(kept(file, heldOutSchema, stream)).toBeUndefined();
    expect(lines.pop()).toMatch(/^ {2}.*a\.json .*: measured again\n$/);
  }
  keep(file, heldOut);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(heldOut);
  expect(kept(file, foundSchema, stream)).toBeUndefined();
});
