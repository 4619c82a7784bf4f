// The settings of a pipeline of synthetic data. Defaults are our choice.
import { z } from 'zod';

const name = z.string().min(1);
const count = z.int().positive();
const scalar = z.union([z.string(), z.number()]);

/** A step that asks a model: one that is there (`ask`), or an own prompt. */
export const askConfig = z.strictObject({
  ask: name.optional().describe('a step that is there ("tsumugi synth steps")'),
  prompt: name.optional().describe('an own prompt, with {{field}} for the fields of a row'),
  promptFile: name.optional().describe('a file with the prompt'),
  system: name.optional().describe('what the model is told before the prompt'),
  with: z.record(name, scalar).optional().describe('values of variables; they may have {{field}} in them'),
  read: z.enum(['text', 'list', 'number']).optional().describe('what the reply is (text)'),
  min: z.number().optional().describe('least number of a reply that is one'),
  max: z.number().optional().describe('greatest number'),
  into: name.optional().describe('the field that the reply goes into'),
  samples: count.max(1000).default(1).describe('replies to each row; each makes a row'),
  maxTokens: count.default(512).describe('tokens of a reply'),
  temperature: z.number().min(0).max(100).optional().describe('0 takes the likeliest'),
  topP: z.number().gt(0).max(1).default(1).describe('only the likeliest tokens that together have this probability'),
  stop: z.array(name).default([]).describe('texts that end a reply'),
  cut: z.enum(['fail', 'keep']).default('fail').describe('what becomes of a reply that reaches maxTokens'),
});

export type AskConfig = z.output<typeof askConfig>;

const field = name.describe('the field that is looked at');
const share = z.number().min(0).max(1);

/** Filters by their name, with their settings. */
export const filterConfigs = {
  length: z.strictObject({ filter: z.literal('length'), field, min: count.optional(), max: count.optional() }),
  japanese: z.strictObject({
    filter: z.literal('japanese'),
    field,
    min: share.optional(),
    kana: share.optional(),
  }),
  language: z.strictObject({
    filter: z.literal('language'),
    field,
    is: z.union([name, z.array(name).min(1)]).describe('language or languages to keep, by ISO 639-1: en'),
  }),
  characters: z.strictObject({
    filter: z.literal('characters'),
    field,
    digits: share.optional(),
    symbols: share.optional(),
  }),
  ending: z.strictObject({ filter: z.literal('ending'), field, ends: name.optional() }),
  repetition: z.strictObject({
    filter: z.literal('repetition'),
    field,
    lines: share.optional(),
    lineCharacters: share.optional(),
  }),
  range: z.strictObject({
    filter: z.literal('range'),
    field,
    min: z.number().optional(),
    max: z.number().optional(),
  }),
  perplexity: z.strictObject({
    filter: z.literal('perplexity'),
    field,
    min: z.number().positive().optional(),
    max: z.number().positive().optional(),
  }),
  near: z.strictObject({
    filter: z.literal('near'),
    field,
    threshold: z.number().gt(0).max(1).optional(),
    ngram: count.optional(),
  }),
  decontaminate: z.strictObject({
    filter: z.literal('decontaminate'),
    field,
    tasks: z.array(name).default([]).describe('evaluation tasks ("tsumugi eval --list")'),
    files: z.array(name).default([]).describe('own texts to keep away from'),
    ngram: count.optional(),
    share: z.number().gt(0).max(1).optional(),
    run: count.optional(),
  }),
} as const;

/** Any of these. */
export type SettingsSchema = z.ZodObject;

export type FilterConfig = z.output<(typeof filterConfigs)[keyof typeof filterConfigs]>;

const part = name.describe('a field, or a text with {{field}} in it');

/** What a row becomes. */
export const outputConfigs = {
  messages: z.strictObject({ system: part.optional(), user: part, assistant: part }),
  pairs: z.strictObject({ system: part.optional(), prompt: part, chosen: part, rejected: part }),
  text: z.strictObject({ text: part }),
} as const;

export type OutputConfig = z.output<(typeof outputConfigs)[keyof typeof outputConfigs]>;

/** The whole. Steps and output are checked by their own schemas, which name the step that is wrong. */
export const pipelineConfig = z.strictObject({
  data: z.array(name).default([]).describe('rows or documents to begin with: jsonl, json, parquet, txt, md'),
  rows: z.array(z.record(name, scalar)).default([]).describe('rows to begin with, written here'),
  steps: z.array(z.record(name, z.json())).min(1).describe('what is asked and filtered, in order'),
  output: z
    .record(name, z.json())
    .describe('what a row becomes: user, assistant; or prompt, chosen, rejected; or text'),
  model: name.optional().describe('model folder, GGUF file, or name at the endpoint'),
  endpoint: name.optional().describe('an OpenAI-compatible service'),
  apiKeyEnv: name.optional().describe('environment variable with its key'),
  concurrency: count.max(1024).default(8).describe('requests on their way to the endpoint'),
  timeout: z.number().positive().max(86_400).default(300).describe('seconds that it may take for one answer'),
  maxTokens: count.optional().describe('tokens to read and write in all; what is left over waits for a later run'),
  documentCharacters: z.int().min(100).default(2000).describe('cut text files into documents of about this length'),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0)
    .describe('of all replies'),
});

export type PipelineConfig = z.output<typeof pipelineConfig>;

type FilterSettings = z.input<(typeof filterConfigs)[keyof typeof filterConfigs]>;
type OutputSettings = z.input<(typeof outputConfigs)[keyof typeof outputConfigs]>;

/** A pipeline as it is written. */
export interface PipelineSettings extends Omit<z.input<typeof pipelineConfig>, 'steps' | 'output'> {
  readonly steps: readonly (z.input<typeof askConfig> | FilterSettings)[];
  readonly output: OutputSettings;
}
