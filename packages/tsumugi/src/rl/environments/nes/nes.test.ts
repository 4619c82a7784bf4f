// Escape from Pong in the emulator: its levels are rewards, restarts are told, and it goes on from a snapshot bit for bit.
import { describe, expect, it } from 'vitest';
import { requires } from '../../../../../../tests/requires.testing.ts';
import type { Environment } from '../../environment.ts';
import { makeEnvironment } from '../../registry.ts';
import { preprocessFrames } from '../../wrappers/preprocess-frames.ts';
import { NesEnvironment } from './nes.ts';

const hasJsnes = await import('jsnes' as string).then(
  () => true,
  () => false,
);
const id = 'nes/EscapeFromPong-v0';

describe(id, requires(hasJsnes, 'the package jsnes'), () => {
  /** Plays the buttons of a drawn order, each for 20 frames; what was told beside nothing. */
  function play(game: Environment, frames: number) {
    let drawn = 1;
    let action = 0;
    const told: [frame: number, reward: number, level: unknown, restarted: unknown][] = [];
    for (let frame = 0; frame < frames; frame++) {
      if (frame % 20 === 0) {
        drawn = (drawn * 1103515245 + 12345) % 2147483648;
        action = 1 + Math.floor((drawn / 2147483648) * 4);
      }
      const { reward, info } = game.step(action);
      if (reward !== 0 || info['restarted']) told.push([frame, reward, info['level'], info['restarted']]);
    }
    return told;
  }

  it('gives a reward for a level that is escaped, tells restarts, and begins alike', async () => {
    using game = await makeEnvironment(id);
    expect(game.observationSpace.shape).toEqual([240, 256, 3]);
    expect(game.actionMeanings).toEqual(['NOOP', 'UP', 'DOWN', 'LEFT', 'RIGHT']);
    const first = game.reset({ seed: 0 }).observation;
    const told = play(game, 400);
    expect(told).toEqual([
      [138, 0, 1, true],
      [365, 1, 2, false],
    ]);
    expect(game.reset({ seed: 9 }).observation).toEqual(first);
    expect(play(game, 150)).toEqual(told.filter(([frame]) => frame < 150));
  });

  it('shows black, white walls and the ball', async () => {
    using game = await makeEnvironment(id);
    game.reset();
    for (let t = 0; t < 10; t++) game.step(0);
    const { width, data } = game.render!();
    const at = (x: number, y: number) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
    expect(at(100, 100)).toEqual([0, 0, 0]);
    expect(Math.min(...at(244, 100))).toBeGreaterThan(230);
    expect(Math.min(...at(100, 228))).toBeGreaterThan(230);
  });

  it('goes on from a snapshot, also through the preprocessing', async () => {
    const make = async () => preprocessFrames((await makeEnvironment(id)) as Environment<Uint8Array>, { noops: 4 });
    using frames = await make();
    frames.reset({ seed: 1 });
    for (let t = 0; t < 5; t++) frames.step(t % 5);
    const snapshot = JSON.parse(JSON.stringify(frames.snapshot!()));
    const steps = (game: Environment) => Array.from({ length: 12 }, (_, t) => game.step((3 * t) % 5));
    const expected = steps(frames);
    using other = await make();
    other.restore!(snapshot);
    expect(steps(other)).toEqual(expected);
    expect(expected[0]!.observation).toHaveLength(4 * 84 * 84);
  });

  it('refuses what is no ROM', async () => {
    const game = { id: 'x', rom: new Uint8Array(99), actions: { NOOP: [] }, bootFrames: 0, begin: () => 0 };
    await expect(NesEnvironment.make(game as never)).rejects.toThrow(/x: this is no ROM that can be run/);
  });
});
