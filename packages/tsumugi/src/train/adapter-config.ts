// The settings of low-rank adapters, shared by every kind of training that can have them. Every default is our choice.
import { z } from 'zod';
import { DEFAULT_ALPHA, loraKinds } from '../lm/index.ts';
import { requireIdle } from './check-settings.ts';
import { count } from './common-config.ts';

const layer = z.int().nonnegative();

export const adapterSettings = () => ({
  lora: count
    .optional()
    .describe('rank of low-rank adapters, which alone are trained; the model itself is, when left out'),
  loraKind: z
    .enum(loraKinds)
    .optional()
    .describe('lora (when left out), rslora: scaled by α/√rank, or dora: with a magnitude for each output'),
  loraAlpha: z
    .number()
    .positive()
    .optional()
    .describe(`α of adapters, which are scaled by α/rank; ${DEFAULT_ALPHA} when left out`),
  loraDropout: z
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe('share of the inputs of adapters that is dropped in training, 0 when left out'),
  loraTargets: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'what gets adapters: names as in_proj, groups (mamba, attention, mlp, all), ends of paths; all when left out',
    ),
  loraLayers: z
    .tuple([layer, layer])
    .optional()
    .describe('the first and the last layer with adapters; all when left out'),
});

export type AdapterConfig = z.output<z.ZodObject<ReturnType<typeof adapterSettings>>>;

/** @throws ConfigError naming a setting of adapters when there are none */
export function checkAdapterSettings(config: AdapterConfig): void {
  if (config.lora !== undefined) return;
  for (const key of ['loraKind', 'loraAlpha', 'loraDropout', 'loraTargets', 'loraLayers'] as const)
    requireIdle(key, config[key], 'without lora, the rank of adapters');
}
