// What is told to the making of preference pairs from a model's own answers. Every default is our choice.
import { z } from 'zod';
import { ConfigError } from '../../base/index.ts';
import { checkScore, type RuleName, ruleNames } from '../scores/index.ts';

const scorers = [...ruleNames, 'task', 'judge', 'reward'] as const satisfies readonly (
  | RuleName
  | 'task'
  | 'judge'
  | 'reward'
)[];

export const pairsConfig = z.strictObject({
  model: z.string().min(1).describe('model folder whose answers are sampled'),
  prompts: z.array(z.string()).default([]).describe('files of prompts, jsonl or parquet (not with score=task)'),
  out: z.string().min(1).describe('folder: answers.jsonl, and the pairs in pairs/'),
  template: z.string().optional().describe("chat template: a name or a file; the model's own when left out"),

  score: z.enum(scorers).default('number').describe('what an answer is worth: docs/preference.md'),
  field: z
    .string()
    .min(1)
    .optional()
    .describe('of a row, with the right answer (exact, number: answer when left out), or one that the judge is shown'),
  task: z.string().min(1).optional().describe('evaluation task whose samples are the prompts (score=task)'),
  judgeModel: z
    .string()
    .min(1)
    .optional()
    .describe('model that judges: a folder, a GGUF file, or a name at judgeEndpoint'),
  judgeEndpoint: z.string().min(1).optional().describe('an OpenAI-compatible service, e.g. http://localhost:8000/v1'),
  judgeApiKeyEnv: z.string().min(1).optional().describe('environment variable with the key of judgeEndpoint'),

  rewardModel: z.string().min(1).optional().describe('folder of a reward model (score=reward)'),

  samples: z.int().min(2).default(8).describe('answers to each prompt'),
  pairsPerPrompt: z.int().positive().default(1).describe('at most: 1 is the best answer against the worst'),
  limit: z.int().positive().optional().describe('prompts at most, the first ones'),
  maxTokens: z.int().positive().default(256).describe('of an answer; one that is cut off makes no pair'),
  temperature: z.number().positive().max(100).default(1).describe('of sampling'),
  topP: z.number().gt(0).max(1).default(1).describe('share of the probability that is sampled from'),
  seed: z.int().nonnegative().default(0).describe('of the answers'),
  slots: z.int().positive().default(16).describe('answers that are written at a time'),
  device: z.string().default('cpu').describe('cpu or cuda'),
  dtype: z.enum(['float32', 'bfloat16']).default('float32').describe('of the computation'),
});

export type PairsConfig = z.output<typeof pairsConfig>;
export type PairsInput = z.input<typeof pairsConfig>;

/** @throws ConfigError for what is missing, or has no effect with another score */
export function checkPairsSettings(config: Omit<PairsConfig, 'model' | 'out' | 'prompts'>, prompts: boolean): void {
  const { score } = config;
  checkScore(config, scorers);
  if (prompts === (score !== 'task')) return;
  throw prompts
    ? new ConfigError('no-effect', 'prompts have no effect with score=task: its samples are the prompts', {
        remedy: 'Leave the prompts out, or score them by another rule.',
        fields: { setting: 'prompts', score },
      })
    : new ConfigError('missing-setting', 'there are no prompts', {
        remedy: 'Name files of prompts, or set score=task and a task.',
        fields: { setting: 'prompts', score },
      });
}
