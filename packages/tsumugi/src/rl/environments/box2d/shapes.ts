// Bodies and joints as both environments have them, and how they are drawn.
import type { Body, FixtureOptions, Joint, JointOptions, Planck, Point, World } from './package.ts';

/** Pixels of Gymnasium's pictures to a metre; its lengths and constants are given in them. */
export const SCALE = 30;
/** Steps to a second. */
export const FPS = 50;
/** Size of what is seen, in metres. */
export const WIDTH = 600 / SCALE;
export const HEIGHT = 400 / SCALE;

/** Iterations of Box2D's solvers for speeds and for positions in a step, as Gymnasium has them. */
export const ITERATIONS: readonly [number, number] = [6 * 30, 2 * 30];

/** The kinds of things that may touch: the ground touches everything, and the rest only the ground. */
export const GROUND = 0x0001;

export const point = (x: number, y: number): Point => ({ x, y });

/** Gymnasium's vertices, in pixels. */
export const scaled = (vertices: readonly (readonly [number, number])[]): Point[] =>
  vertices.map(([x, y]) => point(x / SCALE, y / SCALE));

/** A body with its outline, for pictures. */
export interface Part {
  body: Body;
  /** In the body's own coordinates. */
  outline: readonly Point[];
}

/** The corners of a box around the origin. */
export const corners = (halfWidth: number, halfHeight: number): Point[] => [
  point(-halfWidth, -halfHeight),
  point(halfWidth, -halfHeight),
  point(halfWidth, halfHeight),
  point(-halfWidth, halfHeight),
];

export function addPart(
  world: World,
  place: { position: Point; angle?: number },
  outline: readonly Point[],
  fixture: FixtureOptions,
): Part {
  const body = world.createBody({ type: 'dynamic', ...place });
  body.createFixture({ filterMaskBits: GROUND, restitution: 0, ...fixture });
  return { body, outline };
}

/** A hinge with a motor and limits. Angles are measured from where the bodies are now. */
export function addHinge(
  planck: Planck,
  world: World,
  options: Omit<JointOptions, 'referenceAngle' | 'enableMotor' | 'enableLimit'>,
): Joint {
  const referenceAngle = options.bodyB.getAngle() - options.bodyA.getAngle();
  const joint = new planck.RevoluteJoint({ ...options, referenceAngle, enableMotor: true, enableLimit: true });
  world.createJoint(joint);
  return joint;
}

export const outlineOf = ({ body, outline }: Part): Point[] => outline.map((corner) => body.getWorldPoint(corner));
