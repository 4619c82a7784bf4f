// Settings of quantization. Where neither the papers nor Preferred Networks give a value, the default is our choice.
import { z } from 'zod';
import { ConfigError, issueText } from '../../base/index.ts';

const count = z.int().positive();
const DEFAULT_DAMPING = 0.01;
const width = z
  .union([z.literal(4), z.literal(8), z.literal(16)], 'expected 4, 8, or 16 to keep it')
  .optional()
  .describe('bits of these matrices: 4, 8, or 16 to keep them');
const keptWidth = width.describe('bits of these matrices: 4, 8, or 16 to keep them (16 when left out)');

export const quantizeConfig = z.strictObject({
  method: z.enum(['rtn', 'gptq', 'awq']).default('rtn').describe('rtn: to the nearest; gptq, awq: with a text'),
  bits: z
    .union([z.literal(4), z.literal(8)], 'expected 4 or 8')
    .default(4)
    .describe('bits of a weight; under targetBits, the fewest'),
  groupSize: z
    .union([z.literal(-1), count], 'expected a number of inputs, or -1')
    .optional()
    .describe(
      'inputs that share a scale; -1 for all of a row (128 when left out, or as many of 64, 32, 16 as fit the model)',
    ),
  format: z.enum(['int', 'fp8']).default('int').describe('whole numbers, or FP8 (E4M3; method rtn, 8 bits)'),
  zeroPoint: z.boolean().default(false).describe('groups have a zero of their own (awq: always)'),
  tensorBits: z
    .strictObject({
      qkv_proj: width,
      o_proj: width,
      in_proj: width,
      bcdt_proj: keptWidth,
      dt_proj: keptWidth,
      out_proj: keptWidth,
      gate_up_proj: width,
      down_proj: width,
    })
    .prefault({}),
  targetBits: z
    .number()
    .positive()
    .max(32)
    .optional()
    .describe(
      'bits per weight over the whole model at most: each matrix is kept, or has 8 or 4 bits, by what that costs',
    ),
  sensitivityTokens: z
    .int()
    .min(2)
    .default(512)
    .describe('tokens of the text that costs are measured on, for targetBits'),
  keptType: z
    .enum(['float16', 'bfloat16', 'float32'])
    .default('float16')
    .describe('type of matrices that are kept; vectors and convolutions stay float32'),
  sequenceLength: z.int().min(2).default(512).describe('tokens of a piece of the text'),
  tokens: z.int().min(2).default(16_384).describe('tokens of the text at most'),
  reportTokens: z
    .int()
    .min(2)
    .default(2048)
    .describe('tokens of the text that the result is compared with the model on'),
  actOrder: z.boolean().default(false).describe('gptq: inputs with the largest activations first'),
  gate: z.boolean().default(true).describe('compare the result with the model, and refuse it when it is too far'),
  damping: z
    .number()
    .positive()
    .max(1)
    .default(DEFAULT_DAMPING)
    .describe("gptq: share of the Hessian's mean diagonal added to it"),
});

/** Settings before a model is known. */
export type QuantizeSettings = z.output<typeof quantizeConfig>;
export type QuantizeConfig = QuantizeSettings & { groupSize: number };
export type QuantizeConfigInput = z.input<typeof quantizeConfig>;

/** Settings with their defaults. @throws ConfigError naming the setting, and for those that do not go together */
export function checkQuantizeConfig(input: QuantizeConfigInput): QuantizeSettings {
  const parsed = quantizeConfig.safeParse(input);
  const refuse = (problem: string, remedy: string) =>
    new ConfigError('bad-setting', `quantize: ${problem}`, { remedy });
  if (!parsed.success)
    throw refuse(issueText(parsed.error.issues[0]!, input), 'See "tsumugi quantize --help" for what there is.');
  const { format, method, bits, tensorBits, actOrder, zeroPoint, damping } = parsed.data;
  if (format === 'fp8' && (method !== 'rtn' || bits !== 8 || zeroPoint || Object.values(tensorBits).includes(4)))
    throw refuse('FP8 weights are rounded, and have 8 bits', 'Use method rtn with 8 bits, and no zero point.');
  if (actOrder && method !== 'gptq')
    throw refuse(`${method} has no order of inputs`, 'Leave actOrder out, or use gptq.');
  if (damping !== DEFAULT_DAMPING && method !== 'gptq')
    throw refuse(`${method} has no Hessian that damping could be added to`, 'Leave damping out, or use gptq.');
  return parsed.data;
}
