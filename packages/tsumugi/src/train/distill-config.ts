// What a distillation can be told. That the logits alone are matched by default, and the language-model loss is off, is what NVIDIA's
// ModelOpt does; every other default is our choice.
import { z } from 'zod';
import { divergences } from '../nn/index.ts';
import {
  changeableSettings,
  checkpointSettings,
  computeSettings,
  count,
  optimizerSettings,
  rowSettings,
  scheduleSettings,
  shardSetting,
  watchSettings,
  zLossSetting,
} from './common-config.ts';

export const DEFAULT_DIVERGENCE = 'forward';
export const DEFAULT_TEMPERATURE = 1;

const weight = z.number().nonnegative();
const layer = z.int().nonnegative();

export const distillConfig = z.strictObject({
  teacher: z.string().min(1).optional().describe('model folder to learn from; not needed with teacherLogits'),
  model: z.string().min(1).describe('model folder that learns: the student'),
  data: z.string().min(1).describe('folder made by "tsumugi data prepare"'),
  out: z.string().min(1).describe('run folder: events, checkpoints, and the trained student in model/'),

  logitWeight: weight.default(1).describe('of the divergence between the logits'),
  divergence: z
    .enum(divergences)
    .default(DEFAULT_DIVERGENCE)
    .describe('forward: KL(teacher ‖ student), reverse: KL(student ‖ teacher), jensen-shannon'),
  beta: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('weight of the teacher in the mixture of jensen-shannon (0.5 when left out)'),
  temperature: z
    .number()
    .positive()
    .default(DEFAULT_TEMPERATURE)
    .describe('logits are divided by it, the divergence multiplied by its square'),
  topK: count
    .optional()
    .describe("compare the teacher's k likeliest tokens, and the rest as one (all tokens when left out)"),
  languageWeight: weight.default(0).describe('of the cross-entropy of the next token'),
  hiddenWeight: weight.default(0).describe('of the difference between outputs of layers'),
  hiddenLayers: z
    .array(z.tuple([layer, layer]))
    .min(1)
    .optional()
    .describe('pairs of layers, [[student, teacher], …]; the last of both when left out'),
  hiddenLoss: z
    .enum(['mse', 'cosine'])
    .optional()
    .describe('mse (when left out; through a learned projection where widths differ), or cosine for equal widths'),
  teacherLogits: z
    .string()
    .min(1)
    .optional()
    .describe('the teacher\'s logits from this folder ("tsumugi distill logits"); the teacher is not loaded'),
  teacherDtype: z.enum(['float32', 'bfloat16']).default('float32').describe("of the teacher's weights and computation"),

  steps: count.default(1000).describe('updates'),
  ...rowSettings(),

  // A fifth of the default peak of pre-training: ModelOpt's rule for a model of half the size.
  ...scheduleSettings({ learningRate: 6e-4, warmup: 0.02 }),
  ...optimizerSettings(),
  ...zLossSetting(),

  seed: z.int().nonnegative().default(0).describe('of batches and projections'),
  ...computeSettings({ activationCheckpointing: false }),
  ...shardSetting(),

  ...watchSettings({ evaluateEvery: 100 }),
  evaluateTokens: count.default(50_000).describe('held-out tokens that are measured'),
  ...checkpointSettings({ checkpointEvery: 200 }),
});

export type DistillConfig = z.output<typeof distillConfig>;
export type DistillInput = z.input<typeof distillConfig>;

/** Settings that a run may change when it goes on. */
export const distillMayChange = [...changeableSettings, 'steps'] as const satisfies readonly (keyof DistillConfig)[];
