// `quantization_config` of a `config.json`: how the weights of the linear maps are kept. The keys are those of AutoGPTQ, GPTQModel,
// AutoAWQ and vLLM's "fp8".
import { z } from 'zod';
import { ConfigError, issueText } from '../../base/index.ts';
import type { JsonObject } from '../artefact/index.ts';

export type QuantizedLayout = 'gptq' | 'awq' | 'fp8';

const bits = z.union([z.literal(4), z.literal(8)], 'expected 4 or 8');
/** Inputs of a group; −1: all of them. */
const groupSize = z.union([z.literal(-1), z.int().min(1)], 'expected a number of inputs, or -1');

const schemas = {
  gptq: z.looseObject({
    bits,
    group_size: groupSize,
    desc_act: z.boolean().default(false),
    sym: z.boolean().default(true),
    checkpoint_format: z.enum(['gptq', 'gptq_v2']).default('gptq'),
  }),
  awq: z.looseObject({
    bits: z.literal(4, 'expected 4'),
    group_size: groupSize,
    zero_point: z.literal(true, 'expected true').default(true),
    version: z
      .string()
      .refine((version) => version.toLowerCase() === 'gemm', 'expected "gemm"')
      .default('gemm'),
  }),
  fp8: z.looseObject({}),
};

export interface QuantizationConfig {
  layout: QuantizedLayout;
  /** Of most weights; a file may hold some of other widths. */
  bits: number;
  groupSize: number;
  /** What a stored zero lacks. */
  storedZero: number;
}

/**
 * How a model's weights are kept; undefined for one that is not quantized.
 *
 * @throws ConfigError for a way that is not read, and for values that it does not have
 */
export function quantizationOf(config: JsonObject, where = 'config.json'): QuantizationConfig | undefined {
  const given = config['quantization_config'];
  if (given === undefined || given === null) return undefined;
  const method = (given as JsonObject)['quant_method'];
  const refuse = (problem: string, remedy: string) =>
    new ConfigError('bad-quantization', `${where}: quantization_config: ${problem}`, { remedy, fields: { method } });
  if (typeof method !== 'string' || !Object.hasOwn(schemas, method))
    throw refuse(
      method === undefined ? 'there is no quant_method' : `weights quantized as ${JSON.stringify(method)} are not read`,
      'Get the model as gptq, awq or fp8, or without quantization.',
    );
  const layout = method as QuantizedLayout;
  const parsed = schemas[layout].safeParse(given);
  if (!parsed.success)
    throw refuse(
      issueText(parsed.error.issues[0]!, given),
      'Get the model as gptq of 4 or 8 bits, awq ("gemm") of 4, or fp8.',
    );
  const { bits: width = 8, group_size = -1, checkpoint_format } = parsed.data as Partial<z.output<typeof schemas.gptq>>;
  return { layout, bits: width, groupSize: group_size, storedZero: checkpoint_format === 'gptq_v2' ? 0 : 1 };
}

/** What is done to matrices apart: a kind by the last part of its path, a single matrix by the whole. */
export interface QuantizationSummary {
  layout: QuantizedLayout;
  bits: number;
  groupSize: number;
  symmetric: boolean;
  actOrder: boolean;
  /** What is not quantized: `out_proj`, `model.layers.layers.0.mixer.in_proj`. */
  kept: readonly string[];
  /** What has another width than `bits`. */
  raised: Readonly<Record<string, number>>;
}

/** A name as GPTQModel's "dynamic" matches it: a regular expression from the beginning of a path. */
const matching = (name: string): string => (name.includes('.') ? `${name.replaceAll('.', '\\.')}$` : `.*\\.${name}$`);

/** The `quantization_config` to write. What is apart is named as GPTQModel ("dynamic"), AutoAWQ and vLLM name them. */
export function renderQuantization(summary: QuantizationSummary): JsonObject {
  const { layout, bits, groupSize, symmetric, actOrder, kept, raised } = summary;
  switch (layout) {
    case 'gptq': {
      const dynamic = {
        ...Object.fromEntries(kept.map((name) => [`-:${matching(name)}`, {}])),
        ...Object.fromEntries(Object.entries(raised).map(([name, width]) => [`+:${matching(name)}`, { bits: width }])),
      };
      return {
        quant_method: 'gptq',
        bits,
        group_size: groupSize,
        desc_act: actOrder,
        sym: symmetric,
        lm_head: false,
        checkpoint_format: 'gptq',
        ...(Object.keys(dynamic).length > 0 && { dynamic }),
      };
    }
    case 'awq':
      return {
        quant_method: 'awq',
        bits,
        group_size: groupSize,
        zero_point: true,
        version: 'gemm',
        modules_to_not_convert: [...kept],
      };
    case 'fp8':
      return { quant_method: 'fp8', activation_scheme: 'dynamic', ignored_layers: [...kept] };
  }
}
