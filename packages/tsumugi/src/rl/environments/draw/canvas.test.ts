// The rasterizer: coverage of pixels, edges of the canvas, what is inside.
import { describe, expect, it } from 'vitest';
import { BLACK, Canvas, placed, upright } from './canvas.ts';

/** Red of each pixel, by rows. */
function reds(canvas: Canvas): number[][] {
  const { width, height, data } = canvas.frame();
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => data[3 * (y * width + x)]!));
}
const covered = (canvas: Canvas) =>
  reds(canvas)
    .flat()
    .reduce((sum, red) => sum + (255 - red) / 255, 0);

describe('Canvas', () => {
  it('covers pixels by the part of them that lies inside', () => {
    const canvas = new Canvas(4, 3);
    canvas.rectangle(0.5, 1, 2, 1.5, BLACK);
    expect(reds(canvas)).toEqual([
      [255, 255, 255, 255],
      [128, 0, 128, 255],
      [191, 128, 191, 255],
    ]);
  });

  it('covers half of a pixel by a triangle, from either side', () => {
    for (const corner of [
      [0, 0],
      [1, 1],
    ] as const) {
      const canvas = new Canvas(1, 1);
      canvas.polygon([corner, [1, 0], [0, 1]], BLACK);
      expect(reds(canvas)).toEqual([[128]]);
    }
  });

  it('mixes colours by opacity, and paints over what is there', () => {
    const canvas = new Canvas(1, 1, [100, 0, 0]);
    canvas.rectangle(0, 0, 1, 1, [200, 0, 0], 0.25);
    expect(reds(canvas)).toEqual([[125]]);
    canvas.rectangle(0, 0, 1, 1, [200, 0, 0]);
    expect(reds(canvas)).toEqual([[200]]);
  });

  it('draws circles, lines and turned shapes of the right area', () => {
    const circle = new Canvas(50, 50);
    circle.circle(25, 25, 20, BLACK);
    expect(covered(circle) / (Math.PI * 400)).toBeCloseTo(1, 2);
    const line = new Canvas(50, 50);
    line.line([5, 5], [35, 45], 3, BLACK);
    expect(covered(line) / (50 * 3)).toBeCloseTo(1, 2);
    const turned = new Canvas(50, 50);
    const square = placed(
      [
        [-10, -10],
        [10, -10],
        [10, 10],
        [-10, 10],
      ],
      0.5,
      25,
      25,
    );
    turned.polygon(square, BLACK);
    expect(covered(turned) / 400).toBeCloseTo(1, 2);
  });

  it('leaves holes where an outline crosses itself, and cuts off what lies outside', () => {
    const star = new Canvas(20, 20);
    const corners = Array.from({ length: 5 }, (_, i) => (i * 4 * Math.PI) / 5);
    star.polygon(
      corners.map((angle) => [10 + 9 * Math.sin(angle), 10 - 9 * Math.cos(angle)] as const),
      BLACK,
    );
    expect(reds(star)[10]![10]).toBe(255);
    const cut = new Canvas(4, 4);
    cut.rectangle(-10, -10, 12, 100, BLACK);
    expect(covered(cut)).toBe(8);
    cut.rectangle(7, 7, 2, 2, BLACK);
    expect(covered(cut)).toBe(8);
  });

  it('turns shapes with y up over', () => {
    expect(upright([[1, 2]], 10)).toEqual([[1, 8]]);
    const [[x, y]] = placed([[1, 0]], Math.PI / 2, 3, 4) as [[number, number]];
    expect([x, y]).toEqual([expect.closeTo(3, 12), expect.closeTo(5, 12)]);
  });
});
