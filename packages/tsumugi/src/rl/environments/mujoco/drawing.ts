// Pictures of a simulation: its balls, capsules and cylinders seen from far away, from the side or from above, each pixel
// showing what is nearest. MuJoCo's WebAssembly build has no renderer, and this is enough to see what an agent does.
import type { Frame } from '../../environment.ts';
import type { View } from './definition.ts';
import type { Simulation } from './simulation.ts';

/** Pixels, across and down. */
const size = 320;

/** MuJoCo's numbers of shapes. The models of the tasks have no others; a plane is the floor. */
const shapes = { plane: 0, sphere: 2, capsule: 3, cylinder: 5 };

type Colour = readonly [number, number, number];
const sky: Colour = [176, 206, 235];
const floors: readonly [Colour, Colour] = [
  [206, 214, 204],
  [182, 192, 180],
];

/** A point of the picture's plane in metres, and how near it is. */
interface Point {
  right: number;
  up: number;
  near: number;
}

/** The centre of a geom with an offset along its own third axis, on which capsules and cylinders lie. */
function pointOf({ geomXpos, geomXmat }: Simulation, geom: number, along: number, from: View['from']): Point {
  const [x, y, z] = [0, 1, 2].map(
    (axis) => geomXpos[3 * geom + axis]! + along * geomXmat[9 * geom + 3 * axis + 2]!,
  ) as [number, number, number];
  return from === 'side' ? { right: x, up: z, near: -y } : { right: x, up: y, near: z };
}

export function draw(simulation: Simulation, view: View): Frame {
  const data = new Uint8Array(size * size * 3);
  const nearest = new Float64Array(size * size).fill(Number.NEGATIVE_INFINITY);
  const metre = size / view.width;
  const [right, up] = middle(simulation, view);
  const [left, top] = [right - view.width / 2, up + view.width / 2];

  const paint = (pixel: number, colour: Colour, light: number) => {
    for (let i = 0; i < 3; i++) data[3 * pixel + i] = Math.min(255, colour[i]! * light);
  };

  const floor = simulation.geomType.includes(shapes.plane);
  for (let pixel = 0; pixel < size * size; pixel++) {
    const x = left + ((pixel % size) + 0.5) / metre;
    const y = top - (Math.floor(pixel / size) + 0.5) / metre;
    // Squares of the floor, half a metre long, show how fast something moves.
    const odd = Math.floor(2 * x) + (view.from === 'above' ? Math.floor(2 * y) : 0);
    paint(pixel, !floor || (view.from === 'side' && y > 0) ? sky : floors[odd & 1]!, 1);
  }

  for (let geom = 0; geom < simulation.ngeom; geom++) {
    const shape = simulation.geomType[geom]!;
    if (shape !== shapes.sphere && shape !== shapes.capsule && shape !== shapes.cylinder) continue;
    const radius = simulation.geomSize[3 * geom]!;
    const half = shape === shapes.sphere ? 0 : simulation.geomSize[3 * geom + 1]!;
    const [a, b] = [pointOf(simulation, geom, -half, view.from), pointOf(simulation, geom, half, view.from)];
    const colour = simulation.colour(geom);
    const [du, dv] = [b.right - a.right, b.up - a.up];
    const length2 = du * du + dv * dv;
    const flat = shape === shapes.cylinder && length2 > 1e-12;
    const column = (x: number) => Math.min(size - 1, Math.max(0, Math.floor((x - left) * metre)));
    const row = (y: number) => Math.min(size - 1, Math.max(0, Math.floor((top - y) * metre)));
    const [lastColumn, lastRow] = [column(Math.max(a.right, b.right) + radius), row(Math.min(a.up, b.up) - radius)];
    for (let j = row(Math.max(a.up, b.up) + radius); j <= lastRow; j++)
      for (let i = column(Math.min(a.right, b.right) - radius); i <= lastColumn; i++) {
        const [u, v] = [left + (i + 0.5) / metre - a.right, top - (j + 0.5) / metre - a.up];
        const t = length2 === 0 ? 0 : (u * du + v * dv) / length2;
        if (flat && (t < 0 || t > 1)) continue;
        const at = Math.min(1, Math.max(0, t));
        const off2 = (u - at * du) ** 2 + (v - at * dv) ** 2;
        if (off2 > radius * radius) continue;
        const bulge = Math.sqrt(radius * radius - off2);
        const near = a.near + at * (b.near - a.near) + bulge;
        const pixel = j * size + i;
        if (near <= nearest[pixel]!) continue;
        nearest[pixel] = near;
        paint(pixel, colour, 0.55 + (0.45 * bulge) / radius);
      }
  }
  return { width: size, height: size, data };
}

/** What is in the middle of the picture. */
function middle(simulation: Simulation, { from, centre, follow }: View): readonly [number, number] {
  if (follow === undefined) return centre;
  const at = 3 * simulation.body(follow);
  return [centre[0] + simulation.xpos[at]!, centre[1] + (from === 'above' ? simulation.xpos[at + 1]! : 0)];
}
