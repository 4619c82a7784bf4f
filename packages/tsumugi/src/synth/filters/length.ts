// Length in characters.
import { ConfigError, checkNumber, checkOptions } from '../../base/index.ts';
import { countCharacters, drop, type Filter, KEEP } from './filter.ts';

/** Defaults are our choice. */
export interface LengthOptions {
  /** Characters, white space at the ends left out: 20. */
  min?: number;
  /** 100,000. Infinity for none. */
  max?: number;
}

/** Drops texts that are too short or too long. */
export function lengthFilter(options: LengthOptions = {}): Filter {
  checkOptions('lengthFilter', options, { min: true, max: true });
  const { min = 20, max = 100_000 } = options;
  checkNumber('lengthFilter', 'min', min, { min: 0, whole: true });
  checkNumber('lengthFilter', 'max', max, { min: 0, infinite: true });
  if (min > max) throw new ConfigError('bad-option', `lengthFilter: min (${min}) is above max (${max})`);
  return {
    name: 'length',
    judge(text) {
      const length = countCharacters(text.trim());
      if (length < min) return drop(`${length} characters, fewer than ${min}`);
      return length > max ? drop(`${length} characters, more than ${max}`) : KEEP;
    },
  };
}
