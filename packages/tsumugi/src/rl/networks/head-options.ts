// The options that a head hands on to its layers.
import type { OptionNames } from '../../base/index.ts';
import type { WeightOptions } from '../../nn/index.ts';

export type HeadOptions = Pick<WeightOptions, 'rng' | 'weightInit' | 'biasInit'>;

/** Of every head. */
export const headOptions: OptionNames<HeadOptions> = { rng: true, weightInit: true, biasInit: true };

/** Those among a head's options that are its layers'. */
export const layerOptions = ({ rng, weightInit, biasInit }: HeadOptions): WeightOptions => ({
  rng,
  ...(weightInit && { weightInit }),
  ...(biasInit && { biasInit }),
});
