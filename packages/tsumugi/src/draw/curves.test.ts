// The curves of a run as charts; ticks; points by the thousand.
import { describe, expect, it } from 'vitest';
import { curveCharts } from './curves.ts';
import { lineChart } from './line-chart.ts';
import { niceTicks, scaleOf } from './scale.ts';

const loss = (points: (readonly [number, number | null])[], name = 'training') => ({ chart: 'loss', name, points });
const bodyOf = (...points: (readonly [number, number | null])[]) => curveCharts([loss(points)])[0]!.body;

describe('ticks', () => {
  it('are round and cover the values', () => {
    expect(niceTicks(0, 1, 4)).toEqual([0, 0.5, 1]);
    expect(niceTicks(-0.3, 9.7, 5)).toEqual([0, 2, 4, 6, 8]);
    expect(niceTicks(5, 5, 4)).toEqual([5]);
    expect(Object.is(niceTicks(-1, 1, 2)[1], -0)).toBe(false);
    expect(niceTicks(1, 3, 5, 1)).toEqual([1, 2, 3]);
  });

  it('are written with the digits that tell them apart', () => {
    const texts = (values: number[], log = false) =>
      scaleOf({ label: '', log }, values, [0, 1]).ticks.map(({ text }) => text);
    expect(texts([0, 1e-4])).toEqual(['0', '2e-5', '4e-5', '6e-5', '8e-5', '1.0e-4']);
    expect(texts([0, 3000])).toEqual(['0', '1,000', '2,000', '3,000']);
    expect(texts([100_000, 100_400])).toEqual(['100.0K', '100.1K', '100.2K', '100.3K', '100.4K']);
    expect(texts([0, 2e6])).toEqual(['0', '0.5M', '1.0M', '1.5M', '2.0M']);
    expect(texts([1e-3, 1e9], true)).toEqual(['0.01', '1', '100', '10000', '1e6', '1e8']);
    expect(texts([2, 7], true)).toEqual(['2', '5']);
    expect(texts([0, 1e20])).toEqual(['0', '2e19', '4e19', '6e19', '8e19', '1.0e20']);
  });

  it('end: nothing is drawn forever where numbers lie too close, or too far', () => {
    for (const values of [
      [1, 1 + Number.EPSILON],
      [-1.7e308, 1.7e308],
      [1e300],
      [Number.NaN],
      [],
      [0],
      [5e-324, 1e-323],
    ])
      for (const log of [false, true])
        expect(scaleOf({ label: '', log }, values, [0, 1]).ticks.length).toBeLessThan(12);
  });
});

describe('charts of curves', () => {
  it('break where nothing finite was measured', () => {
    const path = /d="([^"]*)" fill="none"/g;
    const lines = [...bodyOf([1, 1], [2, null], [3, 2], [4, 3]).matchAll(path)].map(([, d]) => d!);
    expect(lines.at(-1)!.match(/M/g)).toHaveLength(2);
    expect(curveCharts([loss([])])).toEqual([]);
    for (const points of [[[1, 2], [2, 2]], [[1, 0]], [[7, null]]] as [number, number | null][][]) // biome-ignore format: pairs
      expect(bodyOf(...points)).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('say what a curve ends in', () => {
    expect(bodyOf([1, 3], [2, 2.1])).toContain('>training 2.100<');
    const lost = bodyOf([1, 3], [2, 2.1], [3, null]);
    expect(lost).toContain('>training not finite<');
    expect(lost).not.toContain('training 2.100<');
    expect(curveCharts([loss([[1, null]], 'loss')])[0]!.body).toContain('>last not finite<');
  });

  it('put the loss first, then what was measured, then the rest', () => {
    const one = (chart: string, name: string) => ({ chart, name, points: [[1, 1]] as [number, number][] });
    const charts = curveCharts([
      one('loss', 'training'),
      one('lr', 'lr'),
      one('bits', 'held-out'),
      one('loss', 'held-out'),
    ]);
    expect(charts.map(({ title }) => title)).toEqual(['loss', 'bits', 'lr']);
  });

  it('keep peaks and gaps of a hundred thousand points in a small picture', () => {
    const points = Array.from({ length: 100_000 }, (_, i) => ({
      x: i,
      y: i === 31_415 ? 50 : i === 70_000 ? Number.NaN : 1,
    }));
    const { body } = lineChart({ title: '', x: { label: 'step' }, y: { label: '' }, series: [{ name: 'a', points }] });
    expect(body.length).toBeLessThan(300_000);
    expect(body).toContain('a, step 31,415: 50.00');
    expect(body).toContain('a, step 70,000: not finite');
  });

  it('cut names that are too long for the picture, and wrap those that are many', () => {
    const series = Array.from({ length: 6 }, (_, i) => ({ name: `${i} ${'吾輩は猫である'.repeat(12)}`, points: [] }));
    const { body, width } = lineChart({ title: 't'.repeat(500), x: { label: '' }, y: { label: '' }, series });
    for (const [, x, text] of body.matchAll(/<text x="([\d.]+)"[^>]*>([^<]*)</g))
      expect(Number(x) + 6.6 * [...text!].length).toBeLessThan(width + 20);
    expect(body.match(/…/g)!.length).toBeGreaterThan(5);
  });
});
