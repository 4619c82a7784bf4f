// Games of the NES.
import type { Family, Registration } from '../../registry.ts';
import { noOptions } from '../no-options.ts';
import { escapeFromPong } from './escape-from-pong.ts';
import { NesEnvironment } from './nes.ts';

/** Five minutes of play, at 60 frames a second. */
const MAX_FRAMES = 18_000;

const game: Registration = {
  maxSteps: MAX_FRAMES,
  make: async (options) => {
    noOptions('nes/EscapeFromPong-v0', options);
    return NesEnvironment.make(await escapeFromPong());
  },
};

export const family: Family = { 'nes/EscapeFromPong-v0': game };
