// The option that both mountain cars have.
import { checkNumber, checkOptions } from '../../../base/index.ts';

export interface MountainCarOptions {
  /** How fast the car has to be at the goal. */
  goalVelocity?: number;
}

export function goalVelocityOf(id: string, options: MountainCarOptions): number {
  checkOptions<MountainCarOptions>(id, options, { goalVelocity: true });
  return checkNumber(id, 'goalVelocity', options.goalVelocity ?? 0, {});
}
