// ChainerRL's toy environments.
import type { Family } from '../../registry.ts';
import { Abc, type AbcOptions } from './abc.ts';

export const family: Family = {
  'ABC-v0': { make: (options) => new Abc(options as AbcOptions) },
};
