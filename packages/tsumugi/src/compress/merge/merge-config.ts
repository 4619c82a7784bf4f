// mergekit's YAML: what it may hold. The names are mergekit's, since people bring the files they have.
import { z } from 'zod';
import { mergeMethodNames } from './methods/index.ts';

/** PyYAML takes 1e-5 for a text, and mergekit makes a number of it. */
const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i)
    .transform(Number),
]);
const scalar = z.union([z.boolean(), number]);
const value = z.union([scalar, z.array(number).min(1)]);
const conditional = z.strictObject({ value, filter: z.string().optional() });

const settingError =
  'expected a number, true or false, a list of numbers (a gradient over the layers), or a list of {filter, value}';
const setting = z.union([value, conditional, z.array(conditional).min(1)], { error: settingError });
const parameters = z.record(z.string(), setting).nullish();

const model = z.string().min(1);
const layerRange = z.tuple([z.int().nonnegative(), z.int().positive()], {
  error: 'expected [first layer, the one after the last]',
});

const tokenSource = z.union(
  [
    model,
    z.strictObject({
      kind: z.literal('model_token'),
      model,
      token: z.string().optional(),
      token_id: z.int().nonnegative().optional(),
    }),
    z.strictObject({ kind: z.literal('zero') }),
  ],
  { error: 'expected a model, {kind: model_token, model, token or token_id}, or {kind: zero}' },
);

const tokenizer = z.strictObject({
  source: z.string().min(1).default('union'),
  tokens: z
    .record(z.string(), z.strictObject({ source: tokenSource.optional(), force: z.boolean().default(false) }))
    .nullish(),
  pad_to_multiple_of: z.int().positive().nullish(),
});

const dtype = z.enum(['float32', 'float16', 'bfloat16', 'float64']);

export const mergeConfig = z.strictObject({
  merge_method: z.enum(mergeMethodNames as [string, ...string[]]),
  models: z.array(z.strictObject({ model, parameters })).min(1).optional(),
  slices: z
    .array(
      z.strictObject({
        sources: z.array(z.strictObject({ model, layer_range: layerRange, parameters })).min(1),
        parameters,
      }),
    )
    .min(1)
    .optional(),
  base_model: model.nullish(),
  parameters,
  dtype: dtype.nullish(),
  out_dtype: dtype.nullish(),
  tokenizer: tokenizer.nullish(),
  tokenizer_source: z.string().min(1).nullish(),
  chat_template: z.string().min(1).nullish(),
});

/** Keys of mergekit that ask for what is not done here, and why. */
export const refusedKeys: Readonly<Record<string, string>> = {
  modules: 'a PLaMo 2 has one module: write its models or slices at the top',
  residual_weight: 'there is no such weight in PLaMo 2',
  name: 'a file holds one merge: run them one after the other',
};

export type MergeConfig = z.output<typeof mergeConfig>;
export type MergeConfigInput = z.input<typeof mergeConfig>;
/** A parameter as it is written: one value, a gradient over layers, or values for tensors whose names hold a text. */
export type ParameterSetting = z.output<typeof setting>;
export type ParameterSettings = Readonly<Record<string, ParameterSetting>>;
