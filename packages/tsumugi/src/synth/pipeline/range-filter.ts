// Numbers: a score, a length of a field.
import { ConfigError } from '../../base/index.ts';
import { drop, type Filter, KEEP } from '../filters/filter.ts';

/** Drops numbers outside of a range, and what is no number. @throws ConfigError without a bound */
export function rangeFilter({
  min,
  max,
}: {
  min?: number | undefined;
  max?: number | undefined;
}): Pick<Filter, 'judge'> {
  if (min === undefined && max === undefined)
    throw new ConfigError('bad-option', 'the filter range has neither "min" nor "max"', {
      remedy: 'Give it one of them.',
    });
  return {
    judge(text) {
      const value = text.trim() === '' ? Number.NaN : Number(text);
      if (Number.isNaN(value)) return drop(`${JSON.stringify(text.slice(0, 40))} is no number`);
      if (min !== undefined && value < min) return drop(`${value}, less than ${min}`);
      return max !== undefined && value > max ? drop(`${value}, more than ${max}`) : KEEP;
    },
  };
}
