// BipedalWalker (Klimov 2016, as Gymnasium has version 3): walk over uneven ground, or over obstacles in the hard form, with
// two hips and two knees. The reward of a step is the gain of 130/30 x − 5 |angle of the hull|, less 0.028 for each unit of
// torque; −100 for a fall. 300 stand for the whole way.
import type { Action, Frame, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Box } from '../../spaces/index.ts';
import { NO_INFO } from '../task.ts';
import { Canvas } from './canvas.ts';
import type { Joint, Planck, Point, World } from './package.ts';
import { ReplayedTask } from './replayed.ts';
import {
  addHinge,
  addPart,
  corners,
  FPS,
  GROUND,
  HEIGHT,
  ITERATIONS,
  outlineOf,
  type Part,
  point,
  SCALE,
  scaled,
  WIDTH,
} from './shapes.ts';
import { drawClouds, drawTerrain, GRASS, LENGTH, LEVEL, START, STEP, type Terrain } from './terrain.ts';

const TORQUE = 80;
const HIP_SPEED = 4;
const KNEE_SPEED = 6;
/** Of each joint: hip, knee, hip, knee. */
const SPEEDS = [HIP_SPEED, KNEE_SPEED, HIP_SPEED, KNEE_SPEED];
const LIDAR_RANGE = 160 / SCALE;
const RAYS = 10;
/** Largest force at the start. */
const START_FORCE = 5;
const HULL = scaled([
  [-30, 9],
  [6, 9],
  [34, 1],
  [34, -8],
  [-30, -8],
]);
const LEG_DOWN = -8 / SCALE;
const [LEG_WIDTH, LEG_HEIGHT] = [8 / SCALE, 34 / SCALE];
const UPPER = [LEG_WIDTH / 2, LEG_HEIGHT / 2] as const;
const LOWER = [(0.8 * LEG_WIDTH) / 2, LEG_HEIGHT / 2] as const;
const GROUND_FRICTION = 2.5;
const BODY = 0x0020;

export class BipedalWalker extends ReplayedTask {
  readonly id: string;
  readonly observationSpace: Box;
  readonly actionSpace = new Box(-1, 1, [4]);
  readonly #planck: Planck;
  readonly #hardcore: boolean;
  #world!: World;
  #terrain: Terrain | undefined;
  #clouds: Point[][] = [];
  #hull!: Part;
  /** Upper and lower leg, for each leg. */
  #legs: Part[] = [];
  #joints: Joint[] = [];
  /** Whether the lower legs touch the ground. */
  #touches = [false, false];
  #fallen = false;
  #shaping: number | undefined;

  constructor(id: string, planck: Planck, hardcore: boolean) {
    super();
    this.id = id;
    this.#planck = planck;
    this.#hardcore = hardcore;
    const pi = Math.fround(Math.PI);
    const leg = [pi, 5, pi, 5];
    const high = [pi, 5, 5, 5, ...leg, 5, ...leg, 5, ...Array<number>(RAYS).fill(1)];
    const contact = new Set([8, 13]);
    this.observationSpace = new Box(
      high.map((bound, i) => (contact.has(i) ? 0 : -bound)),
      high,
      [high.length],
    );
  }

  protected rest(): Action {
    return new Float32Array(4);
  }

  protected build(rng: NumpyRandom): void {
    const planck = this.#planck;
    const world = new planck.World({ gravity: point(0, -10) });
    this.#world = world;
    this.#fallen = false;
    this.#shaping = undefined;
    this.#touches = [false, false];
    this.#terrain = drawTerrain(rng, this.#hardcore);
    this.#addTerrain(this.#terrain);
    this.#clouds = drawClouds(rng);

    const [x, y] = [(STEP * START) / 2, LEVEL + 2 * LEG_HEIGHT];
    const hull = { shape: new planck.Polygon(HULL), density: 5, friction: 0.1, filterCategoryBits: BODY };
    this.#hull = addPart(world, { position: point(x, y) }, HULL, hull);
    this.#hull.body.applyForceToCenter(point(rng.uniform(-START_FORCE, START_FORCE), 0), true);
    this.#legs = [];
    this.#joints = [];
    for (const side of [-1, 1]) this.#addLeg(side, x, y);
    const [, leftFoot, , rightFoot] = this.#legs as [Part, Part, Part, Part];
    const feet = [leftFoot.body, rightFoot.body];
    world.on('begin-contact', (contact) => {
      const bodies = [contact.getFixtureA().getBody(), contact.getFixtureB().getBody()];
      if (bodies.includes(this.#hull.body)) this.#fallen = true;
      for (const [i, foot] of feet.entries()) if (bodies.includes(foot)) this.#touches[i] = true;
    });
    world.on('end-contact', (contact) => {
      const bodies = [contact.getFixtureA().getBody(), contact.getFixtureB().getBody()];
      for (const [i, foot] of feet.entries()) if (bodies.includes(foot)) this.#touches[i] = false;
    });
  }

  #addTerrain({ line, blocks }: Terrain): void {
    const { Edge, Polygon } = this.#planck;
    const add = (shape: object) =>
      this.#world
        .createBody({ type: 'static' })
        .createFixture({ shape, friction: GROUND_FRICTION, filterCategoryBits: GROUND });
    for (const block of blocks) add(new Polygon(block));
    for (let i = 0; i + 1 < line.length; i++) add(new Edge(line[i]!, line[i + 1]!));
  }

  #addLeg(side: number, x: number, y: number): void {
    const { Box: Rectangle } = this.#planck;
    const skin = { density: 1, friction: 0.2, filterCategoryBits: BODY };
    const part = ([halfWidth, halfHeight]: readonly [number, number], height: number) =>
      addPart(this.#world, { position: point(x, height), angle: side * 0.05 }, corners(halfWidth, halfHeight), {
        shape: new Rectangle(halfWidth, halfHeight),
        ...skin,
      });
    const hinge = (above: Part, below: Part, at: Point, motorSpeed: number, lowerAngle: number, upperAngle: number) =>
      this.#joints.push(
        addHinge(this.#planck, this.#world, {
          bodyA: above.body,
          bodyB: below.body,
          localAnchorA: at,
          localAnchorB: point(0, LEG_HEIGHT / 2),
          maxMotorTorque: TORQUE,
          motorSpeed,
          lowerAngle,
          upperAngle,
        }),
      );
    const upper = part(UPPER, y - LEG_HEIGHT / 2 - LEG_DOWN);
    hinge(this.#hull, upper, point(0, LEG_DOWN), side, -0.8, 1.1);
    const lower = part(LOWER, y - (LEG_HEIGHT * 3) / 2 - LEG_DOWN);
    hinge(upper, lower, point(0, -LEG_HEIGHT / 2), 1, -1.6, -0.1);
    this.#legs.push(upper, lower);
  }

  protected move(action: Action): StepResult<Float32Array> {
    const torques = Array.from(action as Float32Array, (a) => Math.min(1, Math.abs(a)));
    for (const [i, joint] of this.#joints.entries()) {
      joint.setMotorSpeed(SPEEDS[i]! * Math.sign((action as Float32Array)[i]!));
      joint.setMaxMotorTorque(TORQUE * torques[i]!);
    }
    // Box2D wakes bodies whose motors are set, also to what they were; planck does not.
    for (const { body } of [this.#hull, ...this.#legs]) body.setAwake(true);
    this.#world.step(1 / FPS, ...ITERATIONS);

    const { x } = this.#hull.body.getPosition();
    const state = this.#state();
    const shaping = (130 * x) / SCALE - 5 * Math.abs(state[0]!);
    let reward = this.#shaping === undefined ? 0 : shaping - this.#shaping;
    this.#shaping = shaping;
    for (const torque of torques) reward -= 0.00035 * TORQUE * torque;
    const lost = this.#fallen || x < 0;
    if (lost) reward = -100;
    const terminated = lost || x > (LENGTH - GRASS) * STEP;
    return { observation: Float32Array.from(state), reward, terminated, truncated: false, info: NO_INFO };
  }

  #state(): number[] {
    const { body } = this.#hull;
    const velocity = body.getLinearVelocity();
    const leg = (i: number) => {
      const [hip, knee] = [this.#joints[2 * i]!, this.#joints[2 * i + 1]!];
      return [
        hip.getJointAngle(),
        hip.getJointSpeed() / HIP_SPEED,
        knee.getJointAngle() + 1,
        knee.getJointSpeed() / KNEE_SPEED,
        this.#touches[i] ? 1 : 0,
      ];
    };
    return [
      body.getAngle(),
      (2 * body.getAngularVelocity()) / FPS,
      (0.3 * velocity.x * WIDTH) / FPS,
      (0.3 * velocity.y * HEIGHT) / FPS,
      ...leg(0),
      ...leg(1),
      ...Array.from({ length: RAYS }, (_, i) => this.#distance((1.5 * i) / RAYS)),
    ];
  }

  /** To the ground, of the lidar's range; its rays go from straight down to nearly straight ahead. */
  #distance(angle: number): number {
    const from = this.#hull.body.getPosition();
    const to = point(from.x + Math.sin(angle) * LIDAR_RANGE, from.y - Math.cos(angle) * LIDAR_RANGE);
    let nearest = 1;
    this.#world.rayCast(point(from.x, from.y), to, (fixture, _point, _normal, fraction) => {
      if ((fixture.getFilterCategoryBits() & GROUND) === 0) return -1;
      nearest = fraction;
      return fraction;
    });
    return nearest;
  }

  render(): Frame {
    if (this.#terrain === undefined) return new Canvas([215, 215, 255]);
    const left = this.#hull.body.getPosition().x - WIDTH / 5;
    const canvas = new Canvas([215, 215, 255], left);
    // Clouds are further away.
    for (const cloud of this.#clouds)
      canvas.fill(
        cloud.map(({ x, y }) => point(x + left / 2, y)),
        [255, 255, 255],
      );
    const { line, blocks } = this.#terrain;
    canvas.fill([point(0, 0), ...line, point(line.at(-1)!.x, 0)], [102, 153, 76]);
    for (const block of blocks) canvas.fill(block, [153, 153, 153]);
    const [flag, top] = [STEP * 3, LEVEL + 50 / SCALE];
    canvas.fill([point(flag, LEVEL), point(flag, top), point(flag + 0.1, top), point(flag + 0.1, LEVEL)], [0, 0, 0]);
    canvas.fill([point(flag, top), point(flag, top - 0.33), point(flag + 0.83, top - 0.17)], [230, 51, 0]);
    for (const [i, leg] of this.#legs.entries()) canvas.fill(outlineOf(leg), i < 2 ? [178, 101, 152] : [128, 51, 102]);
    canvas.fill(outlineOf(this.#hull), [127, 51, 229]);
    return canvas;
  }
}
