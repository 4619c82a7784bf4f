// Pictures of environments show their states: a few pixels whose colours are known from the task's geometry.
import { describe, expect, it } from 'vitest';
import type { Environment, Frame } from '../../environment.ts';
import { makeEnvironment } from '../../registry.ts';

const at = ({ width, data }: Frame, x: number, y: number) => [
  ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];
async function drawn(id: string, state: unknown, after: (environment: Environment) => unknown = () => {}) {
  using environment = await makeEnvironment(id);
  environment.reset({ seed: 0 });
  environment.setState!(state);
  after(environment);
  return environment.render!();
}
const colours = ({ data }: Frame) => {
  const seen = new Set<number>();
  for (let i = 0; i < data.length; i += 3) seen.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!);
  return seen;
};
const blacks = ({ data }: Frame) => {
  let count = 0;
  for (let i = 0; i < data.length; i += 3) if (data[i] === 0 && data[i + 1] === 0 && data[i + 2] === 0) count++;
  return count;
};
const cardBack = (50 << 16) | (80 << 8) | 160;

describe('pictures', () => {
  it('of CartPole show where the cart is, and lean to the right for a positive angle', async () => {
    // 600 pixels are 4.8 units: x = 1.2 is pixel 450; the top of the pole is one unit away from the cart.
    const frame = await drawn('CartPole-v1', [1.2, 0, 0, 0]);
    expect([frame.width, frame.height]).toEqual([600, 400]);
    expect(at(frame, 440, 310)).toEqual([0, 0, 0]);
    expect(at(frame, 450, 200)).toEqual([202, 152, 101]);
    expect(at(frame, 350, 200)).toEqual([255, 255, 255]);
    const leaning = await drawn('CartPole-v1', [0, 0, 0.2, 0]);
    expect(at(leaning, Math.round(300 + 100 * Math.sin(0.2)), Math.round(292.5 - 100 * Math.cos(0.2)))).toEqual([
      202, 152, 101,
    ]);
  });

  it('of Pendulum and Acrobot show their links', async () => {
    const up = await drawn('Pendulum-v1', [0, 0]);
    expect(at(up, 250, 170)).toEqual([204, 77, 77]);
    const left = await drawn('Pendulum-v1', [Math.PI / 2, 0]);
    expect(at(left, 170, 250)).toEqual([204, 77, 77]);
    const still = await drawn('Acrobot-v1', [0, 0, 0, 0]);
    expect(at(still, 250, 300)).toEqual([0, 204, 204]);
    expect(at(still, 250, 440)).toEqual([0, 204, 204]);
    const across = await drawn('Acrobot-v1', [Math.PI / 2, 0, 0, 0]);
    expect(at(across, 300, 250)).toEqual([0, 204, 204]);
    expect(at(across, 440, 250)).toEqual([0, 204, 204]);
    const [pushed, idle] = await Promise.all(
      [[2], [0]].map((action) => drawn('Pendulum-v1', [0, 0], (environment) => environment.step(action))),
    );
    expect(colours(pushed!)).toContain(0);
    expect(blacks(pushed!)).toBeGreaterThan(blacks(idle!));
  });

  it('show nothing of what was before setState', async () => {
    for (const [id, state, action] of [
      ['Pendulum-v1', [0, 0], [2]],
      ['Taxi-v4', 1, 0],
    ] as const) {
      const first = await drawn(id, state);
      const second = await drawn(id, state, (environment) => {
        environment.step(action);
        environment.setState!(state);
      });
      expect(Buffer.compare(second.data, first.data), id).toBe(0);
    }
    const cards = { player: [10, 5], dealer: [9, 2] };
    const hiddenAgain = await drawn('Blackjack-v1', cards, (environment) => {
      environment.step(0);
      environment.setState!(cards);
    });
    expect(colours(hiddenAgain)).toContain(cardBack);
  });

  it('are the same once a snapshot is restored', async () => {
    for (const [id, action] of [
      ['CartPole-v1', 0],
      ['Pendulum-v1', [2]],
      ['Taxi-v4', 0],
      ['Blackjack-v1', 0],
      ['LunarLander-v3', 2],
      ['BipedalWalker-v3', [0, 0.5, 0, -0.5]],
    ] as const) {
      using environment = await makeEnvironment(id);
      environment.reset({ seed: 3 });
      environment.step(action);
      using other = await makeEnvironment(id);
      other.restore!(environment.snapshot!());
      expect(Buffer.compare(other.render!().data, environment.render!().data), id).toBe(0);
    }
  });

  it('of Taxi show which way it went', async () => {
    // In the corner it stays where it is, and turns.
    const [north, west] = await Promise.all(
      [1, 3].map((action) => drawn('Taxi-v4', 1, (environment) => environment.step(action))),
    );
    expect(Buffer.compare(north!.data, west!.data)).not.toBe(0);
  });

  it('of MountainCar show the car on its slope', async () => {
    // 600 pixels are 1.8 units: the valley at −π/6 is pixel 225, and the car stands ten pixels above it.
    const frame = await drawn('MountainCar-v0', [-Math.PI / 6, 0]);
    expect(at(frame, 225, 400 - Math.round(0.1 * (600 / 1.8)) - 22)).toEqual([0, 0, 0]);
  });

  it('of toy text differ from state to state', async () => {
    for (const id of ['FrozenLake-v1', 'FrozenLake8x8-v1', 'CliffWalking-v1', 'Taxi-v4']) {
      const [a, b] = [await drawn(id, 1), await drawn(id, 2)];
      expect([a.width, a.height], id).toEqual([b.width, b.height]);
      expect(a.data, id).not.toEqual(b.data);
    }
    const hidden = await drawn('Blackjack-v1', { player: [10, 5], dealer: [9, 2] });
    expect(colours(hidden)).toContain(cardBack);
    const open = await drawn('Blackjack-v1', { player: [10, 5], dealer: [9, 10] }, (environment) =>
      environment.step(0),
    );
    expect(colours(open)).not.toContain(cardBack);
  });
});
