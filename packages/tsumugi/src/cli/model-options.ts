// Options of the commands that run a model, and their values as the library takes them.
import type { GenerateTextOptions } from '../lm/index.ts';
import { type Device, type DType, defaultDevice, parseDevice } from '../torch/index.ts';
import type { OptionValues } from './options.ts';

export const modelOptions = {
  model: {
    type: 'string',
    value: 'DIR|NAME',
    required: true,
    hub: 'model',
    help: 'model folder, or a name on the Hugging Face Hub such as pfnet/plamo-2-1b',
  },
  device: { type: 'string', value: 'cpu|cuda[:N]', help: 'where to compute (default: cuda when there is one)' },
  dtype: {
    type: 'choice',
    choices: ['float32', 'bfloat16', 'float64'],
    help: 'compute in this type (default: float32 on cpu, bfloat16 on cuda)',
  },
} as const;

/** @throws ConfigError for a device that libtorch does not know or this machine does not have */
export function chooseDevice(name: string | undefined): Device {
  if (name === undefined) return defaultDevice();
  return parseDevice(name, '--device');
}

export function defaultDType(device: Device): DType {
  return device === 'cpu' ? 'float32' : 'bfloat16';
}

export const samplingOptions = {
  maxTokens: { type: 'integer', min: 1, default: 256, help: 'tokens to add at most' },
  temperature: {
    type: 'number',
    min: 0,
    max: 100,
    default: 0,
    help: '0 always takes the likeliest token; higher is freer',
  },
  topK: { type: 'integer', min: 0, default: 0, help: 'only the N likeliest tokens, and equals of the last; 0 for all' },
  topP: {
    type: 'number',
    min: 0,
    max: 1,
    default: 1,
    help: 'only the likeliest tokens that together have probability N',
  },
  minP: { type: 'number', min: 0, max: 1, default: 0, help: 'only tokens at least N times as likely as the likeliest' },
  repetitionPenalty: {
    type: 'number',
    min: 0.01,
    max: 100,
    default: 1,
    help: 'makes tokens already seen less likely; 1 for no change',
  },
  presencePenalty: {
    type: 'number',
    min: -2,
    max: 2,
    default: 0,
    help: 'taken off the logits of tokens already written; 0 for no change',
  },
  frequencyPenalty: {
    type: 'number',
    min: -2,
    max: 2,
    default: 0,
    help: 'taken off for each time that a token was written; 0 for no change',
  },
  seed: { type: 'integer', min: 0, max: 2 ** 32 - 1, default: 0, help: 'the same seed gives the same text' },
  stop: { type: 'list', value: 'TEXT', help: 'texts that end the output; \\n stands for a line break' },
} as const;

export type SamplingValues = OptionValues<typeof samplingOptions>;

/** Options for `generateText` from the values of `samplingOptions`. */
export function generationSettings(values: SamplingValues) {
  const { maxTokens, temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, seed } =
    values;
  const penalties = { repetitionPenalty, presencePenalty, frequencyPenalty };
  const stop = values.stop.map((text) => text.replaceAll('\\n', '\n').replaceAll('\\t', '\t'));
  return { maxTokens, temperature, topK, topP, minP, ...penalties, seed, stop } satisfies GenerateTextOptions;
}
