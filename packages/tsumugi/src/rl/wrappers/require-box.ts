// For wrappers that work on arrays of numbers.
import { UserError } from '../../base/index.ts';
import { Box, type Space } from '../spaces/index.ts';

/** @throws UserError unless the space is a box; `bounded`: with bounds on every side */
export function requireBox(wrapper: string, what: string, space: Space, bounded: boolean): Box {
  if (!(space instanceof Box)) {
    throw new UserError('bad-space', `${wrapper} is for environments whose ${what} space is a Box, got ${space}`, {
      remedy: 'Leave the wrapper out.',
    });
  }
  const isOpen = [...space.low, ...space.high].some((bound) => !Number.isFinite(bound));
  if (bounded && isOpen) {
    throw new UserError('bad-space', `${wrapper} needs bounds on every side of the ${what} space, got ${space}`, {
      remedy: 'Give the space finite bounds, or leave the wrapper out.',
    });
  }
  return space;
}
