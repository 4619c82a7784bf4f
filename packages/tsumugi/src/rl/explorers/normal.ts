// Standard normal numbers from a stream of uniform ones (Box & Muller 1958): one for each two numbers, so that the stream's
// state is all there is to save.
import type { RandomStream } from '../../base/index.ts';

export const standardNormal = (rng: RandomStream): number =>
  Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
