// Drawing batches from replay.
import { RandomStream } from 'tsumugi/base';
import { Box, Discrete, PrioritizedReplayBuffer, ReplayBuffer } from 'tsumugi/rl';
import { full, scope } from 'tsumugi/torch';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import { seconds } from '../lib/sampling.ts';

const BATCH = 32;

export function replay({ quick, rows }: Context): void {
  const capacity = quick ? 2000 : 100_000;
  const vectors = { capacity, observationSpace: new Box(-1, 1, [17]), actionSpace: new Box(-1, 1, [6]) };
  const frames = {
    capacity: quick ? 200 : 10_000,
    observationSpace: new Box(0, 255, [4, 84, 84], 'uint8'),
    actionSpace: new Discrete(6),
    stack: 4,
  };
  const rng = () => new RandomStream(1);
  const kinds: [string, ReplayBuffer][] = [
    ['vectors of 17, uniform', new ReplayBuffer({ ...vectors, rng: rng() })],
    ['vectors of 17, prioritized', new PrioritizedReplayBuffer({ ...vectors, rng: rng() })],
    ['4 frames of 84×84, uniform', new ReplayBuffer({ ...frames, rng: rng() })],
  ];
  const errors = full([BATCH], 0.5).keep();
  for (const [name, buffer] of kinds) {
    fill(buffer, name.startsWith('4') ? frames.capacity : capacity, name.startsWith('4'));
    const count = quick ? 10 : 1000;
    const samples = Array.from({ length: quick ? 2 : 7 }, () => {
      const taken = seconds(() => {
        for (let i = 0; i < count; i++)
          scope(() => {
            buffer.sample(BATCH, 0.99);
            buffer.learned(() => errors); // what was drawn is judged before anything else is
          });
      });
      return (taken / count) * 1e6;
    });
    rows.push(row({ name: `replay: ${BATCH} windows, ${name}`, unit: 'µs', better: 'lower', ours: samples.slice(1) }));
  }
  errors.dispose();
}

function fill(buffer: ReplayBuffer, capacity: number, framed: boolean): void {
  const frame = (t: number) => Uint8Array.from({ length: 84 * 84 }, (_, i) => (t + i) & 255);
  const ring = Array.from({ length: 16 }, (_, t) => frame(t));
  const stack = (t: number) => {
    const all = new Uint8Array(4 * 84 * 84);
    for (let k = 0; k < 4; k++) all.set(ring[Math.max(0, t - 3 + k) % 16]!, k * 84 * 84);
    return all;
  };
  const seen = (t: number) => (framed ? stack(t) : new Float32Array(17).fill(t % 7));
  const action = framed ? 1 : new Float32Array(6);
  for (let t = 0; t < capacity - 2; t++)
    buffer.add(0, seen(t), action, { reward: 1, next: seen(t + 1), terminated: false, truncated: false });
}
