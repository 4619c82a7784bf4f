// Options of `reset` that several tasks of classic control have: between which numbers the start is drawn.
import { checkOptions, UserError } from '../../../base/index.ts';

export interface ResetBounds {
  low?: number;
  high?: number;
}

/** @throws UserError for bounds that are no numbers, or the wrong way round */
export function resetBounds(
  id: string,
  options: Readonly<Record<string, unknown>>,
  low: number,
  high: number,
): [number, number] {
  checkOptions<ResetBounds>(`${id}: reset`, options as ResetBounds, { low: true, high: true });
  const bounds = { low, high, ...options };
  if (Number.isFinite(bounds.low) && Number.isFinite(bounds.high) && bounds.low <= bounds.high)
    return [bounds.low, bounds.high];
  throw new UserError(
    'bad-option',
    `${id}: reset: low and high are numbers, low at most high, got ${bounds.low} and ${bounds.high}`,
    {
      remedy: `Left out they are ${low} and ${high}.`,
    },
  );
}
