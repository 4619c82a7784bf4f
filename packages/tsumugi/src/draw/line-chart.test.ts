// Line charts: points where they belong, what is not finite as a cross, nothing that an SVG reader refuses.
import { describe, expect, it } from 'vitest';
import { type LineChart, lineChart } from './line-chart.ts';
import { beside, svgFile } from './picture.ts';

const chart = (changes: Partial<LineChart> = {}): LineChart => ({
  title: 'loss <b> & more',
  x: { label: 'rate', log: true },
  y: { label: 'nats' },
  series: [
    {
      name: 'one',
      points: [
        { x: 0.001, y: 2, low: 1, high: 3 },
        { x: 0.1, y: 4, low: 4, high: Number.POSITIVE_INFINITY },
        { x: 10, y: Number.NaN },
      ],
    },
  ],
  ...changes,
});
const drawn = (of: LineChart) => svgFile(lineChart(of));
const circles = (svg: string) =>
  [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map((m) => m.slice(1).map(Number));

describe('lineChart', () => {
  it('places points along a logarithmic axis, larger values higher, and crosses what is not finite', () => {
    const svg = drawn(chart());
    const [first, second] = circles(svg) as [number[], number[]];
    expect(circles(svg)).toHaveLength(2);
    expect(svg.match(/l8 8m0 -8l-8 8/g)).toHaveLength(1);
    expect(first[1]).toBeGreaterThan(second[1]!);
    // 0.001 and 10 stand at the ends, so 0.1 stands in the middle.
    const crossX = Number(/<path d="M([\d.]+) [\d.]+l8 8/.exec(svg)![1]) + 4;
    expect(second[0]! - first[0]!).toBeCloseTo(crossX - second[0]!, 0);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg).toContain('loss &lt;b&gt; &amp; more');
    expect(svg).toContain('>0.001<');
  });

  it('crosses what is beyond the axis', () => {
    const svg = drawn(chart({ y: { label: 'nats', max: 3 } }));
    expect(circles(svg)).toHaveLength(1);
    expect(svg.match(/l8 8m0 -8l-8 8/g)).toHaveLength(2);
  });

  it('draws spreads as bars beside each other, or as bands in their place', () => {
    const points = [1, 2, 3].map((x) => ({ x, y: 2, low: 1, high: 3 }));
    const series = ['a', 'b'].map((name) => ({ name, points }));
    const xs = (spread: 'bars' | 'band') => circles(drawn(chart({ series, spread }))).map(([x]) => x!);
    expect(xs('bars').slice(0, 3)).not.toEqual(xs('bars').slice(3));
    expect(xs('band').slice(0, 3)).toEqual(xs('band').slice(3));
    expect(drawn(chart({ series, spread: 'band' })).match(/Z" fill="currentColor" fill-opacity/g)).toHaveLength(2);
    expect(drawn(chart({ series })).match(/fill-opacity/g)).toBeNull();
  });

  it('gives spreads a place on the axis', () => {
    const points = [1, 2].map((x) => ({ x, y: 2, low: 1, high: 3 }));
    const svg = drawn(chart({ series: [{ name: 'a', points }] }));
    const [, low, high] = /<path d="M[\d.]+ ([\d.]+)V([\d.]+)" stroke="currentColor"\/>/.exec(svg)!.map(Number);
    const [, top, height] = /class="frame" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"/
      .exec(svg)!
      .map(Number);
    expect([high, low]).toEqual([top! + 10, top! + height! - 10]); // 3 and 1 are its ends
    expect(circles(svg)[0]![1]).toBe((low! + high!) / 2);
  });

  it('draws one point, equal values, and a logarithmic axis over many decades', () => {
    const points = [{ x: 1, y: 5 }];
    expect(drawn(chart({ series: [{ name: 'one', points }] }))).not.toMatch(/NaN|Infinity/);
    const wide = [1e-3, 1, 1e9].map((y, i) => ({ x: 10 ** i, y }));
    const svg = drawn(chart({ y: { label: 'n', log: true }, series: [{ name: 'wide', points: wide }] }));
    expect(svg).toContain('>1e8<');
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});

describe('pictures beside each other', () => {
  it('stand in rows as high as their highest', () => {
    const one = lineChart(chart());
    const many = Array.from({ length: 9 }, (_, i) => ({
      name: `a rather long name of a curve, number ${i}`,
      points: [],
    }));
    const high = lineChart(chart({ series: many }));
    expect(high.height).toBeGreaterThan(one.height + 50);
    const all = beside([one, high, one], 2);
    expect([all.width, all.height]).toEqual([2 * one.width, high.height + one.height]);
    expect([...all.body.matchAll(/translate\((\d+) (\d+)\)"/g)].map(([, x, y]) => [Number(x), Number(y)])).toEqual([
      [0, 0],
      [one.width, 0],
      [0, high.height],
    ]);
  });
});
