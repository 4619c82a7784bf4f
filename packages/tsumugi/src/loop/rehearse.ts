// How long a step takes, found out by doing it.
import type { Optimizer } from '../optim/index.ts';

/**
 * Seconds of a step: the better of two runs after a first one, which also pays for memory. A busy moment would make the
 * forecast, and with a limit of minutes the run, too short. Changes no weight.
 */
export function rehearse(gradients: (step: number) => unknown, optimizer: Pick<Optimizer, 'zeroGrad'>): number {
  const seconds = [0, 1, 2].map(() => {
    const began = performance.now();
    gradients(0);
    optimizer.zeroGrad();
    return (performance.now() - began) / 1000;
  });
  return Math.min(...seconds.slice(1));
}
