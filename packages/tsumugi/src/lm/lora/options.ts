// What adapters are asked to be.
import {
  ConfigError,
  checkChoice,
  checkNumber,
  checkNumbers,
  checkOptions,
  type OptionNames,
} from '../../base/index.ts';
import type { LoraShape } from './layer.ts';

export const loraKinds = ['lora', 'rslora', 'dora'] as const;
export type LoraKind = (typeof loraKinds)[number];

/** α when it is left out (our choice): a constant, as the paper tunes it once and keeps it while the rank changes. */
export const DEFAULT_ALPHA = 16;
export const DEFAULT_TARGETS: readonly string[] = ['all'];

export interface LoraOptions {
  /** r, the rank of every adapter. */
  rank: number;
  /** α: adapters are scaled by α/r, rsLoRA's by α/√r. 16 when left out. */
  alpha?: number | undefined;
  /** Probability that an input of an adapter is dropped in training; 0 when left out. */
  dropout?: number | undefined;
  kind?: LoraKind | undefined;
  /** See `TargetOptions`; `all` when left out. */
  targets?: readonly string[] | undefined;
  /** The first and the last of the layers that are adapted; all when left out. */
  layers?: readonly [first: number, last: number] | undefined;
  /** Of the initial A; 0 when left out. */
  seed?: number | undefined;
}

const names: OptionNames<LoraOptions> = {
  rank: true,
  alpha: true,
  dropout: true,
  kind: true,
  targets: true,
  layers: true,
  seed: true,
};
const hints = {
  r: 'Write { rank }.',
  loraAlpha: 'Write { alpha }.',
  lora_alpha: 'Write { alpha }.',
  lora_dropout: 'Write { dropout }.',
  target_modules: 'Write { targets }.',
  use_rslora: "Write { kind: 'rslora' }.",
  use_dora: "Write { kind: 'dora' }.",
};

/** @throws ConfigError */
export function checkLora(options: LoraOptions): LoraShape {
  checkOptions('addLora', options, names, hints);
  const { rank, alpha = DEFAULT_ALPHA, dropout = 0, kind = 'lora', targets = DEFAULT_TARGETS } = options;
  checkNumber('addLora', 'rank', rank, { min: 1, whole: true });
  checkNumber('addLora', 'alpha', alpha, { above: 0 });
  checkNumbers('addLora', { dropout }, { min: 0, below: 1 });
  checkChoice('addLora', 'kind', kind, loraKinds);
  if (!Array.isArray(targets))
    throw new ConfigError('bad-option', 'addLora: targets must be a list of names', {
      remedy: "Write { targets: ['attention', 'mlp'] }.",
    });
  return { rank, alpha, dropout, rsLora: kind === 'rslora', dora: kind === 'dora' };
}
