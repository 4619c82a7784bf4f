// `adapter_config.json` as Hugging Face's PEFT writes it. A key that would change what an adapter computes and is not known here is
// refused by its name; keys that are off, and keys that only say how an adapter was trained, are not looked at.
import { z } from 'zod';
import { FormatError, isObject } from '../../base/index.ts';
import { type Json, readJson } from '../../store/index.ts';
import { endsIn } from './targets.ts';

export const ADAPTER_WEIGHTS_FILE = 'adapter_model.safetensors';

const count = z.int().positive();
const schema = z.looseObject({
  peft_type: z.string(),
  base_model_name_or_path: z.string().nullish(),
  r: count,
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).nullish(),
  use_rslora: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  target_modules: z.union([z.string(), z.array(z.string())]).nullish(),
  rank_pattern: z.record(z.string(), count).nullish(),
  alpha_pattern: z.record(z.string(), z.number().positive()).nullish(),
  bias: z.string().nullish(),
  modules_to_save: z.array(z.string()).nullish(),
});

export type PeftConfig = z.output<typeof schema>;

/** What says nothing of what the adapter computes; the tensors themselves tell which layers it has. */
const unread = new Set([
  'task_type',
  'inference_mode',
  'auto_mapping',
  'revision',
  'peft_version',
  'megatron_core',
  'qalora_group_size',
  'runtime_config',
  'layers_to_transform',
  'layers_pattern',
  'exclude_modules',
  'ephemeral_gpu_offload',
]);

/** Ways to begin that leave the base as it is. Others (PiSSA, OLoRA, LoftQ, CorDA) take something off its weights. */
const plainBeginnings: readonly unknown[] = [true, false, null, undefined, 'gaussian', 'eva', 'orthogonal'];

const isOff = (value: unknown): boolean =>
  value === null ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.keys(value).length === 0);

/** @throws FormatError for what is no adapter_config.json, or asks for what is not known here, by the name of the key */
export function readPeftConfig(path: string): PeftConfig {
  const config = readJson(path, schema);
  const refuse = (key: string, what: string) =>
    new FormatError('unknown-adapter', `${path}: ${what}`, {
      remedy: 'Merge the adapter into its base with PEFT (merge_and_unload), and load the merged model.',
      fields: { path, key },
    });
  const { peft_type: type, bias, modules_to_save: saved, init_lora_weights: beginning, ...rest } = config;
  if (type !== 'LORA') throw refuse('peft_type', `peft_type is "${type}", and only LORA is read`);
  if (bias && bias !== 'none')
    throw refuse('bias', `bias is "${bias}": the model's linear maps have no biases to train`);
  if (saved?.length)
    throw refuse(
      'modules_to_save',
      `modules_to_save has ${saved.join(', ')}: layers that were trained whole are not read`,
    );
  if (!plainBeginnings.includes(beginning))
    throw refuse(
      'init_lora_weights',
      `init_lora_weights is ${JSON.stringify(beginning)}, which changes the base's weights`,
    );
  for (const [key, value] of Object.entries(rest))
    if (!(key in schema.shape) && !unread.has(key) && !isOff(value))
      throw refuse(key, `"${key}": ${JSON.stringify(value)} is not known here`);
  for (const [key, text] of expressionsOf(config))
    try {
      expression(text);
    } catch (error) {
      throw refuse(key, `${key} has "${text}", which is not read as a regular expression: ${(error as Error).message}`);
    }
  return config;
}

/** What is written as regular expressions, with its keys. */
const expressionsOf = ({ target_modules: targets, rank_pattern, alpha_pattern }: PeftConfig): [string, string][] => [
  ...(typeof targets === 'string' ? [['target_modules', targets] satisfies [string, string]] : []),
  ...Object.keys(rank_pattern ?? {}).map((text): [string, string] => ['rank_pattern', text]),
  ...Object.keys(alpha_pattern ?? {}).map((text): [string, string] => ['alpha_pattern', text]),
];

/** An expression for all of a text, with the names of Python's groups. */
const expression = (text: string): RegExp =>
  new RegExp(`^(?:${text.replaceAll('(?P<', '(?<').replace(/\(\?P=(\w+)\)/g, '\\k<$1>')})$`);

/** The value of the first pattern that a path answers to: PEFT's are regular expressions for the end of a path. */
export function patternValue(
  patterns: Readonly<Record<string, number>> | null | undefined,
  path: string,
): number | undefined {
  return Object.entries(patterns ?? {}).find(([pattern]) => expression(`(?:.*\\.)?(?:${pattern})`).test(path))?.[1];
}

/** Whether `target_modules` means a path. A string is a regular expression for all of it, names of a list are ends. */
export function isTarget(targets: PeftConfig['target_modules'], path: string): boolean {
  if (targets === null || targets === undefined || targets === 'all-linear') return true;
  if (typeof targets === 'string') return expression(targets).test(path);
  return targets.some((name) => endsIn(path, name.replaceAll('*', '\\*')));
}

/** What PEFT needs to load an adapter; the keys that are left out have its defaults. */
export function renderPeftConfig(
  config: Pick<PeftConfig, 'r' | 'lora_alpha' | 'lora_dropout' | 'use_rslora' | 'use_dora' | 'target_modules'> & {
    base_model_name_or_path: string;
    rank_pattern: Record<string, number>;
    alpha_pattern: Record<string, number>;
  },
): Json {
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: config.base_model_name_or_path,
    revision: null,
    inference_mode: true,
    r: config.r,
    lora_alpha: config.lora_alpha,
    lora_dropout: config.lora_dropout ?? 0,
    use_rslora: config.use_rslora ?? false,
    use_dora: config.use_dora ?? false,
    rank_pattern: config.rank_pattern,
    alpha_pattern: config.alpha_pattern,
    target_modules: config.target_modules ?? null,
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    modules_to_save: null,
    layers_to_transform: null,
    layers_pattern: null,
  };
}
