// The report: everything in it, escaped, and nothing from a network; charts, lineage and heat maps as they should be.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { escapeText } from '../draw/index.ts';
import { type Curve, EventLog, formatMetric, readCurves } from '../run/index.ts';
import { renderReport } from './html/index.ts';
import { assignLanes, lineageNodes } from './html/lineage.ts';
import { formatReport, type RecipeReport, type ReportStage } from './index.ts';

const hash = (digit: string) => digit.repeat(64);
const stage = (name: string, inputs: string[], changes: Partial<ReportStage> = {}): ReportStage => ({
  ...{
    name,
    definition: name,
    definitionVersion: 1,
    uses: {},
    kind: 'thing',
    address: hash('a'),
    place: `artefacts/${name}/x`,
  },
  state: 'made',
  why: 'for the first time',
  config: { depth: { steps: 5 } },
  seconds: 61,
  sha256: hash('c'),
  bytes: 2048,
  files: ['a.txt', 'b.txt'],
  finished: '2026-11-22T10:26:14.000Z',
  inputs: {
    from: inputs.map((input) => ({
      stage: input === 'novel' ? null : input,
      address: hash(input === 'novel' ? 'b' : 'a'),
      sha256: input === 'novel' ? null : hash('c'),
      files: input === 'novel' ? [{ path: '/texts/吾輩<は>猫.txt', sha256: hash('d') }] : [],
      settings: {},
    })),
  },
  metrics: [],
  tables: [],
  heatmaps: [],
  curves: [],
  ...changes,
});
const report: RecipeReport = {
  format: 'tsumugi-report',
  version: 1,
  recipe: 'mini',
  summary: 'a & b <script>alert(1)</script>',
  written: '2026-11-22T10:26:14.000Z',
  commit: `${hash('e').slice(0, 40)}+`,
  config: { text: ['猫'] },
  machine: { cpu: 'CPU', cores: 2, memoryBytes: 2 ** 34, node: '26.0.0' },
  stages: [
    stage('tokenizer', ['novel']),
    stage('data', ['novel', 'tokenizer'], {
      metrics: [{ name: 'tokens', value: 12345, unit: '' }],
      tables: [{ title: 'Documents', columns: ['', 'tokens'], rows: [['held out', 12345], ['左', null]] }], // biome-ignore format: pairs
    }),
    stage('train', ['data', 'tokenizer'], {
      metrics: [{ name: 'loss', value: null, unit: 'nats' }],
      curves: [
        {
          chart: 'loss, nats per token',
          name: 'training',
          points: Array.from({ length: 20 }, (_, i) => [i + 1, i === 7 ? null : 8 - i / 7]),
        },
        { chart: 'loss, nats per token', name: 'held-out', points: [[0, 8], [20, 5]] }, // biome-ignore format: pairs
        { chart: 'learning rate', name: 'learning rate', points: [[1, 1e-4], [20, 3e-5]] }, // biome-ignore format: pairs
      ],
      heatmaps: [
        { title: 'needle', xLabel: 'length', yLabel: 'depth', x: ['1K', '2K'], y: ['0 %'], values: [[0.25, null]] },
      ],
    }),
  ],
};

describe('the HTML', () => {
  const html = renderReport(report);

  it('needs nothing but itself', () => {
    expect(html).not.toMatch(/<script|<link|<img|<iframe|https?:|url\((?!#)|@import|src=/);
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">/);
    expect(html).toContain('prefers-color-scheme: dark');
  });

  it('escapes what it shows', () => {
    expect(html).toContain('a &amp; b &lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).toContain('吾輩&lt;は&gt;猫.txt');
    expect(escapeText('"\'\u0000\ud800\u001b猫')).toBe('&quot;&#39;\ufffd\ufffd\ufffd猫');
  });

  it('closes every element that it opens', () => {
    const open: string[] = [];
    for (const [, closing, name, self] of html.matchAll(/<(\/?)([a-z]\w*)(?:\s[^<>]*?)?(\/?)>/gi)) {
      if (closing) expect(open.pop(), html.slice(0, 200)).toBe(name);
      else if (!self && !['meta', 'br'].includes(name!)) open.push(name!);
    }
    expect(open).toEqual([]);
  });

  it('has every stage with metrics, curves, table and heatmap', () => {
    for (const name of ['tokenizer', 'data', 'train']) expect(html).toContain(`id="stage-${name}"`);
    expect(html).toContain('<dd>12,345</dd>');
    expect(html).toContain('<dd>not finite</dd>');
    expect(html).toContain('<td class="number">12,345</td>');
    expect(html).toContain('depth.steps');
    // The loss comes first, and what was measured beside it in the same chart.
    expect(html).toMatch(/loss, nats per token<\/text>[^>]*>[^>]*>training 5\.286<[^>]*>[^>]*>[^>]*>held-out 5\.000</);
    expect(html).toContain('depth 0 %, length 1K: 25 per cent');
    expect(html).toContain('depth 0 %, length 2K: not measured');
  });
});

describe('curves from a log', () => {
  it('hold each metric of a stage in the chart of its own', () => {
    const home = mkdtempSync(join(tmpdir(), 'tsumugi-curves-'));
    const path = join(home, 'events.jsonl');
    {
      using log = new EventLog(path);
      log.write({ type: 'evaluation', step: 0, name: 'held-out', metrics: { crossEntropy: 9, bitsPerCharacter: 6 } });
      for (const step of [1, 2])
        log.write({
          type: 'step',
          step,
          loss: 8 / step,
          lr: step / 100,
          gradNorm: 3 + step,
          tokensPerSecond: 100 * step,
        });
      log.write({ type: 'evaluation', step: 2, name: 'held-out', metrics: { crossEntropy: 4, bitsPerCharacter: 3 } });
    }
    const curves = readCurves(path).map(({ chart, name, points }) => [chart, name, points]);
    rmSync(home, { recursive: true });
    expect(curves).toEqual([
      ['loss, nats per token', 'training', [[1, 8], [2, 4]]],
      ['loss, nats per token', 'held-out', [[0, 9], [2, 4]]],
      ['bits per character', 'held-out', [[0, 6], [2, 3]]],
      ['learning rate', 'learning rate', [[1, 0.01], [2, 0.02]]],
      ['gradient norm', 'gradient norm', [[1, 4], [2, 5]]],
      ['tokens per second', 'tokens per second', [[1, 100], [2, 200]]],
    ]); // biome-ignore format: pairs
  });

  it('keep what is not finite when they are thinned, and where they end', () => {
    const home = mkdtempSync(join(tmpdir(), 'tsumugi-curves-'));
    const path = join(home, 'events.jsonl');
    const total = 1000; // more than are shown: each point is a mean of five
    {
      using log = new EventLog(path);
      for (let step = 1; step <= total; step++) {
        const loss = step === 503 || step === total ? Number.NaN : step;
        log.write({ type: 'step', step, loss });
      }
    }
    const [{ points }] = readCurves(path) as [Curve];
    rmSync(home, { recursive: true });
    expect(points.length).toBeLessThan(250);
    expect(points[0]).toEqual([3, 3]);
    expect(points.filter(([, value]) => value === null).map(([step]) => step)).toEqual([503, total]);
  });
});

describe('the lineage', () => {
  it('puts every stage below its inputs, and a source above its first user', () => {
    const nodes = lineageNodes(report);
    expect(nodes.map(({ key, row }) => [key.replace(/ .*/, ''), row])).toEqual([
      ['outside', 0],
      ['tokenizer', 1],
      ['data', 2],
      ['train', 3],
    ]);
    expect(nodes.at(-1)!.parents).toEqual(['data', 'tokenizer']);
  });

  it('gives overlapping edges lanes of their own', () => {
    expect(assignLanes([[0, 2], [1, 3], [2, 4]])).toEqual([0, 1, 0]); // biome-ignore format: pairs
    expect(assignLanes([[0, 5], [1, 3]])).toEqual([1, 0]); // biome-ignore format: pairs
  });
});

describe('the table', () => {
  it('lists stages with what they made, and metrics', () => {
    const lines = formatReport(report).split('\n');
    expect(lines[0]).toMatch(/^ {2}stage +result +time +before → after +size$/);
    expect(lines[2]).toMatch(/^ {2}data +made +data\/x +1 min 01 s +2\.00 KiB$/);
    expect(lines.slice(-2)).toEqual(['  train', '    loss    not finite']);
    expect(formatMetric({ value: 1.5, unit: 's' })).toBe('1.5 s');
    expect(formatMetric({ value: 2048, unit: 'bytes' })).toBe('2.00 KiB');
    expect(formatMetric({ value: 2.5, unit: 'bits' })).toBe('2.500 bits');
  });

  it('puts what was measured before and after on one line, and names a file that is alone', () => {
    const metrics = [
      { name: 'parameters', value: 9, unit: '' },
      { name: 'held-out loss', value: 2, unit: 'nats' },
      { name: 'held-out loss before', value: 4.25, unit: 'nats' },
    ];
    const tuned = stage('sft', [], { metrics });
    const file = stage('export', [], { place: 'artefacts/export-1/gguf', files: ['model.gguf'], bytes: 3 * 2 ** 20 });
    const waiting = stage('last', [], { state: 'waiting', seconds: null, bytes: null, files: [] });
    const lines = formatReport({ ...report, stages: [tuned, file, waiting] }).split('\n');
    expect(lines[1]).toMatch(/^ {2}sft +made +sft\/x +1 min 01 s +4\.250 → 2 nats +2\.00 KiB$/);
    expect(lines[2]).toMatch(/^ {2}export +made +export\/gguf\/model\.gguf +1 min 01 s +3\.00 MiB$/);
    expect(lines[3]).toMatch(/^ {2}last +waiting +– +– +–$/);
    expect(lines.slice(-3)).toEqual(['  sft', '    parameters     9', '    held-out loss  4.250 → 2 nats']);
  });
});
