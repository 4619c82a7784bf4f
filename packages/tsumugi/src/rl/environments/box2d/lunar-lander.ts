// LunarLander (Klimov 2016, as Gymnasium 1.3.0 has version 3): land between two flags with a main engine and two side
// engines. The reward of a step is the gain of −100 distance − 100 speed − 100 |angle| + 10 for each leg on the ground, less
// 0.3 for full thrust and 0.03 for a side engine; −100 for a crash or leaving the picture, +100 for coming to rest.
import { ConfigError } from '../../../base/index.ts';
import type { Action, Frame, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Box, Discrete } from '../../spaces/index.ts';
import { NO_INFO } from '../task.ts';
import { Canvas } from './canvas.ts';
import type { Body, Planck, Point, World } from './package.ts';
import { ReplayedTask } from './replayed.ts';
import {
  addHinge,
  addPart,
  corners,
  FPS,
  HEIGHT,
  ITERATIONS,
  outlineOf,
  type Part,
  point,
  SCALE,
  scaled,
  WIDTH,
} from './shapes.ts';

export const landerSettings = {
  gravity: -10,
  enableWind: false,
  windPower: 15,
  turbulencePower: 1.5,
};
export type LanderSettings = Readonly<typeof landerSettings>;

const MAIN_POWER = 13;
const SIDE_POWER = 0.6;
/** Largest force at the start, in both directions. */
const START_FORCE = 1000;
const HULL = scaled([
  [-14, 17],
  [-17, 0],
  [-17, -10],
  [17, -10],
  [17, 0],
  [14, 17],
]);
const LEG_AWAY = 20;
const LEG_DOWN = 18;
const LEG = corners(2 / SCALE, 8 / SCALE);
const LEG_TORQUE = 40;
/** Where the engines are, in pixels from the middle. */
const MAIN_DOWN = 4;
const SIDE_UP = 14;
const SIDE_AWAY = 12;
const CHUNKS = 11;
const PAD_Y = HEIGHT / 4;

interface Leg extends Part {
  /** −1 and 1. */
  side: number;
  touches: boolean;
}

/** Of wind and turbulence after so many steps; it never repeats. */
const gust = (index: number) => Math.tanh(Math.sin(0.02 * index) + Math.sin(Math.PI * 0.01 * index));

export class LunarLander extends ReplayedTask {
  readonly id: string;
  readonly observationSpace: Box;
  readonly actionSpace: Box | Discrete;
  readonly #planck: Planck;
  readonly #continuous: boolean;
  readonly #settings: LanderSettings;
  #world!: World;
  #hull!: Part;
  #legs: Leg[] = [];
  /** Corners of the ground. */
  #moon: Point[] = [];
  #crashed = false;
  #shaping: number | undefined;
  #wind = 0;
  #turbulence = 0;

  constructor(id: string, planck: Planck, continuous: boolean, settings: LanderSettings) {
    super();
    if (settings.gravity <= -12 || settings.gravity >= 0) {
      throw new ConfigError('bad-option', `${id}: gravity must lie between -12 and 0, got ${settings.gravity}`, {
        fields: { option: 'gravity' },
      });
    }
    this.id = id;
    this.#planck = planck;
    this.#continuous = continuous;
    this.#settings = settings;
    const bounds = [2.5, 2.5, 10, 10, 2 * Math.PI, 10].map(Math.fround);
    this.observationSpace = new Box([...bounds.map((bound) => -bound), 0, 0], [...bounds, 1, 1], [8]);
    this.actionSpace = continuous ? new Box(-1, 1, [2]) : new Discrete(4);
  }

  protected rest(): Action {
    return this.#continuous ? Float32Array.of(0, 0) : 0;
  }

  protected build(rng: NumpyRandom): void {
    const planck = this.#planck;
    const world = new planck.World({ gravity: point(0, this.#settings.gravity) });
    this.#world = world;
    this.#crashed = false;
    this.#shaping = undefined;
    this.#addMoon(rng);

    const start = point(WIDTH / 2, HEIGHT);
    const metal = { friction: 0.1, density: 5, filterCategoryBits: 0x0010 };
    this.#hull = addPart(world, { position: start }, HULL, { shape: new planck.Polygon(HULL), ...metal });
    const force = point(rng.uniform(-START_FORCE, START_FORCE), rng.uniform(-START_FORCE, START_FORCE));
    this.#hull.body.applyForceToCenter(force, true);
    if (this.#settings.enableWind) {
      this.#wind = rng.integers(-9999, 9999);
      this.#turbulence = rng.integers(-9999, 9999);
    }
    this.#legs = [-1, 1].map((side) => this.#addLeg(side, start));
    world.on('begin-contact', (contact) => {
      const bodies = [contact.getFixtureA().getBody(), contact.getFixtureB().getBody()];
      if (bodies.includes(this.#hull.body)) this.#crashed = true;
      for (const leg of this.#legs) if (bodies.includes(leg.body)) leg.touches = true;
    });
    world.on('end-contact', (contact) => {
      const bodies = [contact.getFixtureA().getBody(), contact.getFixtureB().getBody()];
      for (const leg of this.#legs) if (bodies.includes(leg.body)) leg.touches = false;
    });
  }

  /** Hills, smoothed, with a flat pad in the middle. */
  #addMoon(rng: NumpyRandom): void {
    const heights = rng.uniforms(0, HEIGHT / 2, CHUNKS + 1);
    const middle = (CHUNKS - 1) / 2;
    heights.fill(PAD_Y, middle - 2, middle + 3);
    this.#moon = Array.from({ length: CHUNKS }, (_, i) => {
      // Before the first stands the last: it is drawn, but not seen otherwise.
      const before = heights.at(i - 1)!;
      return point((WIDTH / (CHUNKS - 1)) * i, 0.33 * (before + heights[i]! + heights[i + 1]!));
    });
    const moon = this.#world.createBody({ type: 'static' });
    const { Edge } = this.#planck;
    moon.createFixture({ shape: new Edge(point(0, 0), point(WIDTH, 0)) });
    for (let i = 0; i + 1 < CHUNKS; i++)
      moon.createFixture({ shape: new Edge(this.#moon[i]!, this.#moon[i + 1]!), density: 0, friction: 0.1 });
  }

  #addLeg(side: number, start: Point): Leg {
    const position = point(start.x - (side * LEG_AWAY) / SCALE, start.y);
    const shape = new this.#planck.Box(2 / SCALE, 8 / SCALE);
    const part = addPart(this.#world, { position, angle: side * 0.05 }, LEG, {
      shape,
      density: 1,
      friction: 0.2,
      filterCategoryBits: 0x0020,
    });
    addHinge(this.#planck, this.#world, {
      bodyA: this.#hull.body,
      bodyB: part.body,
      localAnchorA: point(0, 0),
      localAnchorB: point((side * LEG_AWAY) / SCALE, LEG_DOWN / SCALE),
      maxMotorTorque: LEG_TORQUE,
      motorSpeed: 0.3 * side,
      lowerAngle: side === -1 ? 0.9 - 0.5 : -0.9,
      upperAngle: side === -1 ? 0.9 : -0.9 + 0.5,
    });
    return { ...part, side, touches: false };
  }

  protected move(action: Action, rng: NumpyRandom): StepResult<Float32Array> {
    const { body } = this.#hull;
    this.#blow(body);
    const [main, side] = this.#thrust(action);
    const [sin, cos] = [Math.sin(body.getAngle()), Math.cos(body.getAngle())];
    // No engine pushes twice alike.
    const spread = [rng.uniform(-1, 1) / SCALE, rng.uniform(-1, 1) / SCALE] as const;
    if (main > 0) {
      const down = MAIN_DOWN / SCALE + 2 * spread[0];
      const [x, y] = [sin * down - cos * spread[1], -cos * down - sin * spread[1]];
      this.#push(body, point(x, y), point(x, y), MAIN_POWER * main);
    }
    if (side !== 0) {
      const away = 3 * spread[1] + (Math.sign(side) * SIDE_AWAY) / SCALE;
      const [x, y] = [sin * spread[0] - cos * away, -cos * spread[0] - sin * away];
      const at = point(x - (sin * 17) / SCALE, y + (cos * SIDE_UP) / SCALE);
      this.#push(body, at, point(x, y), SIDE_POWER * Math.abs(side));
    }
    this.#world.step(1 / FPS, ...ITERATIONS);

    const state = this.#state();
    const shaping = potential(state);
    let reward = this.#shaping === undefined ? 0 : shaping - this.#shaping;
    this.#shaping = shaping;
    reward -= 0.3 * main + 0.03 * Math.abs(side);
    const lost = this.#crashed || Math.abs(state[0]!) >= 1;
    const rests = !body.isAwake();
    if (lost) reward = -100;
    if (rests) reward = 100;
    return {
      observation: Float32Array.from(state),
      reward,
      terminated: lost || rests,
      truncated: false,
      info: NO_INFO,
    };
  }

  /** How much of its power the main engine gives, 0 … 1, and the side engines, −1 … 1. */
  #thrust(action: Action): readonly [number, number] {
    if (typeof action === 'number') return [action === 2 ? 1 : 0, action === 1 ? -1 : action === 3 ? 1 : 0];
    const [main, side] = [0, 1].map((i) => Math.min(1, Math.max(-1, action[i]!))) as [number, number];
    // Engines give half of their power at least, or none.
    return [main > 0 ? 0.5 * (main + 1) : 0, Math.abs(side) > 0.5 ? side : 0];
  }

  #blow(body: Body): void {
    if (!this.#settings.enableWind || this.#legs.some(({ touches }) => touches)) return;
    body.applyForceToCenter(point(gust(this.#wind++) * this.#settings.windPower, 0), true);
    body.applyTorque(gust(this.#turbulence++) * this.#settings.turbulencePower, true);
  }

  /** Gas goes one way, the hull the other. */
  #push(body: Body, at: Point, direction: Point, power: number): void {
    const { x, y } = body.getPosition();
    body.applyLinearImpulse(point(-direction.x * power, -direction.y * power), point(x + at.x, y + at.y), true);
  }

  #state(): number[] {
    const { body } = this.#hull;
    const [position, velocity] = [body.getPosition(), body.getLinearVelocity()];
    return [
      (position.x - WIDTH / 2) / (WIDTH / 2),
      (position.y - (PAD_Y + LEG_DOWN / SCALE)) / (HEIGHT / 2),
      (velocity.x * (WIDTH / 2)) / FPS,
      (velocity.y * (HEIGHT / 2)) / FPS,
      body.getAngle(),
      (20 * body.getAngularVelocity()) / FPS,
      ...this.#legs.map(({ touches }) => (touches ? 1 : 0)),
    ];
  }

  render(): Frame {
    const canvas = new Canvas([0, 0, 0]);
    if (this.#moon.length === 0) return canvas;
    canvas.fill([point(0, 0), ...this.#moon, point(WIDTH, 0)], [230, 230, 230]);
    for (const i of [(CHUNKS - 1) / 2 - 1, (CHUNKS - 1) / 2 + 1]) {
      const { x } = this.#moon[i]!;
      const [low, high] = [PAD_Y, PAD_Y + 50 / SCALE];
      canvas.fill([point(x, low), point(x, high), point(x + 0.1, high), point(x + 0.1, low)], [150, 150, 150]);
      canvas.fill([point(x, high), point(x, high - 0.33), point(x + 0.83, high - 0.17)], [204, 204, 0]);
    }
    for (const leg of this.#legs) canvas.fill(outlineOf(leg), [77, 77, 128]);
    canvas.fill(outlineOf(this.#hull), [128, 102, 230]);
    return canvas;
  }
}

/** What the reward is the gain of. */
const potential = (state: readonly number[]): number => {
  const [x, y, dx, dy, angle, , left, right] = state as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return (
    -100 * Math.sqrt(x * x + y * y) - 100 * Math.sqrt(dx * dx + dy * dy) - 100 * Math.abs(angle) + 10 * (left + right)
  );
};
