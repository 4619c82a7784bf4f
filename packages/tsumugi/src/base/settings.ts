// Settings that are numbers or names are checked where they enter: NaN compares false with everything and would pass
// silently through formulas, and an unknown name would mean whatever comes last.
import { ConfigError } from './errors.ts';
import { suggestion } from './nearest.ts';

export interface Range {
  min?: number;
  max?: number;
  /** Itself not allowed. */
  above?: number;
  /** Itself not allowed. */
  below?: number;
  whole?: boolean;
  /** Whether ∞ may stand for "without limit". */
  infinite?: boolean;
}

function words({ min, max, above, below, whole, infinite }: Range): string {
  const bounds = [
    above !== undefined && `above ${above}`,
    min !== undefined && `at least ${min}`,
    below !== undefined && `below ${below}`,
    max !== undefined && `at most ${max}`,
  ].filter((bound) => bound !== false);
  const kind = whole ? 'a whole number' : infinite ? 'a number' : 'a finite number';
  return bounds.length > 0 ? `${kind} ${bounds.join(' and ')}` : kind;
}

/** @throws ConfigError unless the value is a number in the range */
export function checkNumber(owner: string, name: string, value: number, range: Range): number {
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity, whole, infinite } = range;
  const isKind = whole ? Number.isInteger(value) : Number.isFinite(value) || (infinite && value === Infinity);
  if (
    isKind &&
    value >= min &&
    value <= max &&
    (value > above || above === -Infinity) &&
    (value < below || below === Infinity)
  )
    return value;
  throw new ConfigError('out-of-range', `${owner}: ${name} must be ${words(range)}, got ${value}`, {
    fields: { [name]: value },
  });
}

/** Checks several numbers for one range. */
export function checkNumbers(owner: string, values: Readonly<Record<string, number>>, range: Range): void {
  for (const [name, value] of Object.entries(values)) checkNumber(owner, name, value, range);
}

/** @throws ConfigError unless the value is one of the choices */
export function checkChoice<T extends string>(owner: string, name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  const near = suggestion(value, choices);
  throw new ConfigError('bad-option', `${owner}: ${name} must be ${choices.join(' or ')}, got "${value}"`, {
    ...(near && { remedy: near }),
    fields: { [name]: value },
  });
}
