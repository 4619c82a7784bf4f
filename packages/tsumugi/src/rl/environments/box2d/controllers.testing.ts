// Controllers by hand, after those that come with Gymnasium (MIT): one lands, one walks some way.

const within = (value: number, bound: number) => Math.min(bound, Math.max(-bound, value));

/** LunarLander: lean towards the middle, and hover the lower the nearer. */
export function land(observation: Float32Array, continuous: boolean): number | number[] {
  const [x, y, dx, dy, angle, turning, left, right] = [...observation] as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const onGround = left > 0 || right > 0;
  const turn = onGround ? 0 : (within(0.5 * x + dx, 0.4) - angle) * 0.5 - turning;
  const lift = onGround ? -0.5 * dy : (0.55 * Math.abs(x) - y) * 0.5 - 0.5 * dy;
  if (continuous) return [within(20 * lift - 1, 1), within(-20 * turn, 1)];
  if (lift > Math.abs(turn) && lift > 0.05) return 2;
  if (turn < -0.05) return 3;
  return turn > 0.05 ? 1 : 0;
}

const SPEED = 0.29;
const BENT = 0.1;

/** BipedalWalker: stand on one leg and swing the other forward, put it down, push off with the one behind. */
export class Walk {
  #phase: 'swing' | 'put down' | 'push off' = 'swing';
  #moving = 0;
  #support = BENT;

  act(observation: Float32Array): number[] {
    const s = [...observation];
    const [moving, standing] = [this.#moving, 1 - this.#moving];
    /** Hip angle, hip speed, knee angle, knee speed, contact. */
    const leg = (i: number) => s.slice(4 + 5 * i, 9 + 5 * i) as [number, number, number, number, number];
    const hips: (number | undefined)[] = [undefined, undefined];
    const knees: (number | undefined)[] = [undefined, undefined];
    if (this.#phase === 'swing') {
      hips[moving] = 1.1;
      knees[moving] = -0.6;
      this.#support = Math.min(BENT, this.#support + (s[2]! > SPEED ? 0.06 : 0.03));
      knees[standing] = this.#support;
      if (leg(standing)[0] < 0.1) this.#phase = 'put down';
    }
    if (this.#phase === 'put down') {
      hips[moving] = 0.1;
      knees[moving] = BENT;
      knees[standing] = this.#support;
      if (leg(moving)[4] > 0) {
        this.#phase = 'push off';
        this.#support = Math.min(leg(moving)[2], BENT);
      }
    }
    if (this.#phase === 'push off') {
      knees[moving] = this.#support;
      knees[standing] = 1;
      if (leg(standing)[2] > 0.88 || s[2]! > 1.2 * SPEED) {
        this.#phase = 'swing';
        this.#moving = standing;
      }
    }
    // Keep the hull upright, and the whole from bouncing.
    const upright = 0.9 * s[0]! + 1.5 * s[1]!;
    const bounce = 15 * s[3]!;
    return [0, 1].flatMap((i) => {
      const [hip, hipSpeed, knee, kneeSpeed] = leg(i);
      const [hipGoal, kneeGoal] = [hips[i], knees[i]];
      const hipTodo = hipGoal === undefined ? 0 : 0.9 * (hipGoal - hip) - 0.25 * hipSpeed;
      const kneeTodo = kneeGoal === undefined ? 0 : 4 * (kneeGoal - knee) - 0.25 * kneeSpeed;
      return [within(0.5 * (hipTodo + upright), 1), within(0.5 * (kneeTodo - bounce), 1)];
    });
  }
}
