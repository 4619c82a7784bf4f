// Rates on a device that works behind the program's back: timed from one moment at which it has nothing left to do to another.
import { noGrad, ones, scope } from 'tsumugi/torch';

/** Waits until the device has done all that it was given. */
export const synchronize = (): void => scope(() => noGrad(() => void ones([1]).add(1).item()));

/** Calls per second of `work`: for `seconds` or a little longer, after two calls that warm up. */
export function callsPerSecond(work: () => void, seconds: number): number {
  const timed = (count: number) => {
    const began = performance.now();
    for (let i = 0; i < count; i++) work();
    synchronize();
    return (performance.now() - began) / 1000;
  };
  timed(1);
  const once = timed(1);
  const count = Math.max(1, Math.min(200, Math.round(seconds / once)));
  return count / timed(count);
}

export const isQuick = process.argv.includes('--quick');
