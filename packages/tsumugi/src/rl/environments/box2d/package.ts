// planck, a port of Box2D 2.3 to JavaScript: the version that Gymnasium's environments were made on. Loaded when one is
// made; what is used of it is described here, so that tsumugi compiles where it is not installed.
import { loadOptional, type OptionalPackages } from '../../../base/index.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Made by a constructor of the package; only handed on. */
type Shape = object;

export interface FixtureOptions {
  shape: Shape;
  density?: number;
  friction?: number;
  restitution?: number;
  filterCategoryBits?: number;
  filterMaskBits?: number;
}

export interface Fixture {
  getBody(): Body;
  getFilterCategoryBits(): number;
}

export interface Body {
  createFixture(options: FixtureOptions): Fixture;
  getPosition(): Point;
  getAngle(): number;
  getLinearVelocity(): Point;
  getAngularVelocity(): number;
  getWorldPoint(local: Point): Point;
  isAwake(): boolean;
  setAwake(awake: boolean): void;
  applyForceToCenter(force: Point, wake: boolean): void;
  applyTorque(torque: number, wake: boolean): void;
  applyLinearImpulse(impulse: Point, at: Point, wake: boolean): void;
}

export interface Joint {
  getJointAngle(): number;
  getJointSpeed(): number;
  setMotorSpeed(speed: number): void;
  setMaxMotorTorque(torque: number): void;
}

export interface Contact {
  getFixtureA(): Fixture;
  getFixtureB(): Fixture;
}

export interface World {
  createBody(options: { type: 'static' | 'dynamic'; position?: Point; angle?: number }): Body;
  createJoint(joint: Joint): Joint | null;
  on(event: 'begin-contact' | 'end-contact', listener: (contact: Contact) => void): unknown;
  step(seconds: number, velocityIterations: number, positionIterations: number): void;
  /** `listener` gives how far along it goes on looking; −1 passes over a fixture. */
  rayCast(
    from: Point,
    to: Point,
    listener: (fixture: Fixture, point: Point, normal: Point, fraction: number) => number,
  ): void;
}

export interface JointOptions {
  bodyA: Body;
  bodyB: Body;
  localAnchorA: Point;
  localAnchorB: Point;
  referenceAngle: number;
  enableMotor: boolean;
  enableLimit: boolean;
  maxMotorTorque: number;
  motorSpeed: number;
  lowerAngle: number;
  upperAngle: number;
}

export interface Planck {
  readonly World: new (options: { gravity: Point }) => World;
  readonly Polygon: new (vertices: readonly Point[]) => Shape;
  readonly Box: new (halfWidth: number, halfHeight: number) => Shape;
  readonly Edge: new (from: Point, to: Point) => Shape;
  readonly RevoluteJoint: new (options: JointOptions) => Joint;
}

const name = 'planck';

export const planckPackage = {
  code: 'no-planck',
  purpose: 'Box2D environments run on',
  versions: { [name]: '1.5.0' },
} as const satisfies OptionalPackages;

/** @throws UserError `no-planck` when the package is not installed */
export const loadPlanck = (): Promise<Planck> =>
  loadOptional(planckPackage, async () => (await import(name as string)) as Planck);
