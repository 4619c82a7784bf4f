// Settings of the stages. A stage that does what a command does has the command's settings without paths, which the runner fills in.
// Defaults are our choice: Preferred Networks has published none of these values.
import { z } from 'zod';
import { exportGgufConfig, mergeConfig } from '../compress/index.ts';
import { BUILDER_NAMES, pairsConfig, pipelineConfig, type RuleName, ruleNames } from '../synth/index.ts';
import {
  DEFAULT_HELD_OUT,
  distillConfig,
  dpoConfig,
  extendConfig,
  grpoConfig,
  logitsConfig,
  pretrainConfig,
  rewardConfig,
  sftConfig,
} from '../train/index.ts';

const count = z.int().positive();

/** How text is read: the settings of `given('text', …)`. */
export const readingConfig = z.strictObject({
  field: z.string().default('text').describe('field of jsonl or column of parquet that holds the text'),
  encoding: z
    .string()
    .optional()
    .describe('encoding of the files, e.g. utf-8, euc-jp, shift_jis; detected unless given'),
  documentCharacters: z.int().min(100).default(2000).describe('cut text files into documents of about this length'),
});

export const tokenizerConfig = z.strictObject({
  vocabularySize: z.int().min(300).default(4096).describe('number of pieces'),
});

export const dataConfig = z.strictObject({
  heldOutFraction: z.number().min(0).lt(1).default(0.05).describe('share of the documents to measure with'),
  seed: z.int().nonnegative().default(0).describe('decides which documents are held out'),
});

const { steps: _steps, ...training } = pretrainConfig.omit({ data: true, tokenizer: true, out: true }).shape;

export const pretrainStageConfig = z.strictObject({
  ...training,
  epochs: z.number().positive().optional().describe('how often the text is read, 4 when left out (not with steps)'),
  steps: count.optional().describe('updates; as many as the epochs need unless given'),
});

export const extendStageConfig = extendConfig.omit({ model: true, mix: true, out: true }).extend({
  weights: z
    .array(z.number().positive())
    .optional()
    .describe('share of the rows for each of the data; equal unless given'),
});

export const distillStageConfig = distillConfig.omit({
  teacher: true,
  model: true,
  data: true,
  out: true,
  teacherLogits: true,
});

/** Held-out files are an input. */
const heldOutShare = (rows: string) =>
  z.number().gt(0).lt(1).optional().describe(`share of the ${rows} to measure on (${DEFAULT_HELD_OUT} unless given)`);

export const sftStageConfig = sftConfig.omit({ model: true, data: true, out: true }).extend({
  heldOut: heldOutShare('examples'),
});

export const dpoStageConfig = dpoConfig.omit({ model: true, data: true, out: true }).extend({
  heldOut: heldOutShare('pairs'),
});

export const rewardStageConfig = rewardConfig.omit({ model: true, data: true, out: true }).extend({
  heldOut: heldOutShare('pairs'),
});

/** Data and model are inputs; the model is a setting where it is a name at an endpoint. */
export const synthStageConfig = pipelineConfig.omit({ data: true, documentCharacters: true });

/** What trainings on rewards can score answers by. */
export const scorers = [...ruleNames, 'task', 'reward'] as const satisfies readonly (RuleName | 'task' | 'reward')[];

/** What answers are worth. */
export const scoreSettings = {
  score: z
    .enum(scorers)
    .default('number')
    .describe('what an answer is worth: by a rule (number, exact), by a task, by a reward model'),
  field: z.string().min(1).optional().describe('of a row, with the right answer (number, exact); answer when left out'),
  task: z.string().min(1).optional().describe('evaluation task whose score it is, by the id of the row (score=task)'),
};

export const grpoStageConfig = grpoConfig.omit({ model: true, data: true, out: true }).extend({
  heldOut: heldOutShare('prompts'),
  ...scoreSettings,
});

/** What the command is told. */
export const grpoRunConfig = grpoConfig.extend({
  ...scoreSettings,
  rewardModel: z.string().min(1).optional().describe('folder of a reward model (score=reward)'),
});
export type GrpoRunConfig = z.output<typeof grpoRunConfig>;

export const pairsStageConfig = pairsConfig.omit({ model: true, prompts: true, rewardModel: true, out: true });

export const teacherLogitsStageConfig = logitsConfig.omit({ teacher: true, data: true, out: true });

const { models: _models, slices: _slices, base_model: _base, ...merging } = mergeConfig.shape;

/** The names of mergekit's YAML; its models are the inputs. */
export const mergeStageConfig = z.strictObject({
  ...merging,
  base: z.boolean().default(false).describe('whether the first of the models is the base'),
  models: z
    .array(z.strictObject({ parameters: merging.parameters }))
    .default([])
    .describe('parameters of each model in their order, the base not counted'),
  seed: z.int().nonnegative().default(0).describe('of what DARE and DELLA drop'),
  gate: z.boolean().default(true).describe('whether a merge that predicts text much worse than its models is refused'),
});

export const exportGgufStageConfig = exportGgufConfig.omit({
  model: true,
  out: true,
  text: true,
  imatrix: true,
  saveImatrix: true,
});

export const evaluateConfig = z.strictObject({
  sequenceLengths: z
    .array(count)
    .min(1)
    .default([256, 1024])
    .describe('tokens of a row when held-out text is measured'),
  batchTokens: count.default(4096).describe('tokens of a batch of held-out text'),
  tasks: z.array(z.string()).default([]).describe('evaluation tasks, by name ("tsumugi eval --list")'),
  options: z
    .record(z.string(), z.string())
    .default({})
    .describe('settings of single tasks, e.g. options.lengths=1K,2K'),
  limit: count.optional().describe('samples of a task at most'),
  shots: z.int().nonnegative().optional().describe("few-shot examples in the prompt, instead of a task's own number"),
  seed: z.int().nonnegative().default(0).describe('of samples and intervals'),
});

export const buildExamplesConfig = z.strictObject({
  builder: z.enum(BUILDER_NAMES as [string, ...string[]]).describe('what rows are made of the data'),
  rows: z.enum(['answers', 'pairs']).default('answers').describe('answers to learn, or a better and a worse one'),
  form: z
    .enum(['chat', 'task'])
    .default('chat')
    .describe('how it is asked: as people ask, or as the evaluation task of the same kind does'),
  side: z.enum(['train', 'heldOut']).default('train').describe('rows to learn from, or those that are held out'),
  heldOutFraction: z.number().min(0).lt(1).default(0.05).describe('share of documents or packages to measure with'),
  group: z
    .string()
    .optional()
    .describe('field or column whose value is held out as one; of text the document, else source unless given'),
  share: z.number().gt(0).max(1).default(1).describe('share of the rows that are made, drawn'),
  seed: z.int().nonnegative().default(0).describe('decides what is held out, asked, and worse'),
});

export const answersConfig = z.strictObject({
  rule: z
    .enum(ruleNames as [RuleName, ...RuleName[]])
    .default('exact')
    .describe('what a right answer is: the same text, or one with the same last number'),
  maxTokens: count.default(64).describe('tokens of an answer at most'),
  limit: count.optional().describe('questions at most, the first ones'),
  shown: z.int().nonnegative().default(8).describe('questions with their answers in the report'),
});
