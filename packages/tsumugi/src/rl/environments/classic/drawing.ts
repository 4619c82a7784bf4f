// Pictures of classic control, of the size and in the colours of Gymnasium's.
import type { Frame } from '../../environment.ts';
import { arc, BLACK, Canvas, type Colour, type Point, placed, upright } from '../draw/canvas.ts';

/** A rectangle with y up. */
const box = (left: number, right: number, top: number, bottom: number): Point[] => [
  [left, bottom],
  [left, top],
  [right, top],
  [right, bottom],
];

export function drawCartPole(x: number, angle: number, worldWidth: number): Frame {
  const canvas = new Canvas(600, 400);
  const scale = canvas.width / worldWidth;
  const [cartX, cartY] = [x * scale + canvas.width / 2, 100];
  const draw = (points: Point[], colour: Colour) => canvas.polygon(upright(points, canvas.height), colour);
  canvas.line([0, canvas.height - cartY], [canvas.width, canvas.height - cartY], 1, BLACK);
  draw(placed(box(-25, 25, 15, -15), 0, cartX, cartY), BLACK);
  draw(placed(box(-5, 5, scale - 5, -5), -angle, cartX, cartY + 7.5), [202, 152, 101]);
  canvas.circle(cartX, canvas.height - cartY - 7.5, 5, [129, 132, 203]);
  return canvas.frame();
}

export function drawMountainCar(position: number, low: number, high: number, goal: number): Frame {
  const canvas = new Canvas(600, 400);
  const scale = canvas.width / (high - low);
  const place = (x: number): Point => [(x - low) * scale, (Math.sin(3 * x) * 0.45 + 0.55) * scale];
  const road = Array.from({ length: 100 }, (_, i) => place(low + ((high - low) * i) / 99));
  canvas.lines(upright(road, canvas.height), 1.5, BLACK);

  const [carX, carY] = place(position);
  const slope = Math.cos(3 * position);
  canvas.polygon(upright(placed(box(-20, 20, 20, 0), slope, carX, carY + 10), canvas.height), BLACK);
  const wheels: Point[] = [
    [10, 0],
    [-10, 0],
  ];
  for (const [x, y] of upright(placed(wheels, slope, carX, carY + 10), canvas.height))
    canvas.circle(x, y, 8, [128, 128, 128]);

  const [flagX, flagY] = place(goal);
  const [foot, top] = [canvas.height - flagY, canvas.height - flagY - 50];
  canvas.line([flagX, foot], [flagX, top], 1.5, BLACK);
  canvas.polygon(
    [
      [flagX, top],
      [flagX, top + 10],
      [flagX + 25, top + 5],
    ],
    [204, 204, 0],
  );
  return canvas.frame();
}

export function drawAcrobot(theta1: number, theta2: number): Frame {
  const canvas = new Canvas(500, 500);
  const scale = canvas.width / 4.4;
  const middle = canvas.width / 2;
  canvas.line([0, middle - scale], [canvas.width, middle - scale], 1, BLACK);
  const joint: Point = [middle + Math.sin(theta1) * scale, middle - Math.cos(theta1) * scale];
  const links: [Point, number][] = [
    [[middle, middle], theta1 - Math.PI / 2],
    [joint, theta1 + theta2 - Math.PI / 2],
  ];
  for (const [[x, y], angle] of links) {
    const link = placed(box(0, scale, 0.1 * scale, -0.1 * scale), angle, x, y);
    canvas.polygon(upright(link, canvas.height), [0, 204, 204]);
    canvas.circle(x, canvas.height - y, 0.1 * scale, [204, 204, 0]);
  }
  return canvas.frame();
}

export function drawPendulum(angle: number, torque: number): Frame {
  const canvas = new Canvas(500, 500);
  const scale = canvas.width / 4.4;
  const middle = canvas.width / 2;
  const red: Colour = [204, 77, 77];
  const rod = placed(box(0, scale, 0.1 * scale, -0.1 * scale), angle + Math.PI / 2, middle, middle);
  canvas.polygon(upright(rod, canvas.height), red);
  canvas.circle(middle, middle, 0.1 * scale, red);
  canvas.circle(middle - Math.sin(angle) * scale, middle - Math.cos(angle) * scale, 0.1 * scale, red);
  if (torque !== 0) drawTorque(canvas, middle, scale * 0.3, torque / 2);
  canvas.circle(middle, middle, 0.05 * scale, BLACK);
  return canvas.frame();
}

/** An arrow about the axle: counter-clockwise for a positive torque, and as long as that is large. @param share from −1 to 1 */
function drawTorque(canvas: Canvas, middle: number, radius: number, share: number): void {
  const end = -Math.PI / 2 - share * 1.5 * Math.PI;
  canvas.lines(arc(middle, middle, radius, -Math.PI / 2, end), 4, BLACK);
  const [x, y] = [middle + radius * Math.cos(end), middle + radius * Math.sin(end)];
  const head: Point[] = [
    [0, -9],
    [0, 9],
    [14, 0],
  ];
  canvas.polygon(placed(head, end - Math.sign(share) * (Math.PI / 2), x, y), BLACK);
}
