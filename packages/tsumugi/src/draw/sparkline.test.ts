// A curve in one line of text.
import { describe, expect, it } from 'vitest';
import { sparkline } from './sparkline.ts';

describe('sparklines', () => {
  it('draw the lowest value lowest', () => {
    expect(sparkline([8, 4, 0])).toBe('█▅▁');
    expect(sparkline([1, 1])).toBe('▁▁');
    expect(sparkline([0, Number.NaN, 7], { ascii: true })).toBe('_x@');
    expect(sparkline([])).toBe('');
  });

  it('condense many values into means', () => {
    expect(sparkline([0, 2, 6, 8, Number.NaN, Number.NaN], { columns: 3 })).toBe('▁█×');
    expect(sparkline([0, 2, 6, 8, 7, Number.NaN], { columns: 3 })).toBe('▁█×');
    expect(
      sparkline(
        Array.from({ length: 1000 }, (_, i) => i),
        { columns: 8 },
      ),
    ).toBe('▁▂▃▄▅▆▇█');
  });

  it('stand on the range that curves share', () => {
    expect(sparkline([0, 5, 10], { low: 0, high: 20 })).toBe('▁▃▅');
    expect(sparkline([-9, 30], { low: 0, high: 20 })).toBe('▁█');
  });
});
