// Heatmaps as text and as a picture.
import { expect, it } from 'vitest';
import type { Heatmap } from './heat.ts';
import { heatmap } from './heatmap.ts';
import { heatmapText } from './heatmap-text.ts';
import { svgElement, svgFile } from './picture.ts';

const needle: Heatmap = {
  title: 'Needle <1>',
  xLabel: 'length (tokens)',
  yLabel: 'depth',
  x: ['1K', '2K'],
  y: ['0 %', '100 %'],
  values: [
    [1, 0.5],
    [0, null],
  ],
  counts: [
    [4, 4],
    [4, 0],
  ],
};
const bits: Heatmap = {
  title: '位置',
  xLabel: 'position',
  yLabel: 'text',
  x: ['0–1K'],
  y: ['吾輩は猫である', 'all'],
  values: [[2.5], [3]],
  scale: { unit: 'bits per character', worst: 3, best: 2.5 },
};

it('shows shades and numbers in a terminal', () => {
  expect(heatmapText(needle).split('\n')).toEqual([
    'Needle <1> (per cent; 0 to 4 samples per value)',
    'depth       1K       2K',
    '0 %    ███ 100  ▒▒▒  50',
    '100 %        0        –',
    '       length (tokens)',
  ]);
  expect(heatmapText(needle, { ascii: true })).toContain('### 100  ---  50');
  expect(heatmapText(bits).split('\n').slice(0, 4)).toEqual([
    '位置 (bits per character)',
    'text                0–1K',
    '吾輩は猫である  ███ 2.50',
    'all                 3.00',
  ]);
});

it('draws one self-contained picture', () => {
  const svg = svgFile(heatmap(needle));
  expect(svgFile(heatmap(needle))).toBe(svg);
  expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 \d+ \d+"/);
  expect(svg).toContain('Needle &lt;1&gt;');
  expect(svg).not.toMatch(/NaN|undefined|href|url\(|<script/);
  expect(svg).toContain('depth 0 %, length (tokens) 2K: 50 per cent, 4 samples');
  expect(svg).toContain('#264e8a');
  expect(svg).toContain('#c9582c');
  expect(svg.match(/class="none"/g)?.length).toBe(1);
  expect(svg).toContain('prefers-color-scheme');
  expect(svgElement(heatmap(needle))).not.toContain('prefers-color-scheme');
});

it('colours the best best, also where less is better', () => {
  const fills = [
    ...svgFile(heatmap(bits)).matchAll(/<title>[^<]*: ([\d.]+) bits[^<]*<\/title><rect [^>]*fill="(#\w+)"/g),
  ];
  expect(fills.map(([, value, fill]) => [value, fill])).toEqual([
    ['2.50', '#264e8a'],
    ['3.00', '#c9582c'],
  ]);
});
