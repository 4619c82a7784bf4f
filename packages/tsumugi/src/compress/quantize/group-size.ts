// How many inputs share a scale, where no number was asked for.
import type { Plamo2Config } from '../../lm/index.ts';
import { kindBits, matricesOf } from './matrices.ts';
import { checkQuantizeConfig, type QuantizeConfig, type QuantizeConfigInput } from './quantize-config.ts';

/** 128 is what published models have. Our choice for widths that it does not divide. */
const sizes = [128, 64, 32, 16];

/** Settings for a model: with a group size that all of its matrices that may be quantized can have, if there is one. */
export function settingsFor(model: Plamo2Config, input: QuantizeConfigInput): QuantizeConfig {
  const settings = checkQuantizeConfig(input);
  const bits = kindBits(settings);
  const inputs = [...matricesOf(model)]
    .filter(({ kind }) => settings.targetBits !== undefined || bits[kind] !== 16)
    .map(({ shape: [, columns] }) => columns);
  const fitting = sizes.find((size) => inputs.every((each) => each % size === 0));
  return { ...settings, groupSize: settings.groupSize ?? fitting ?? sizes[0]! };
}
