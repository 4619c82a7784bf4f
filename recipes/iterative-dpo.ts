// Preference training on a model's own answers, in rounds: several answers to each prompt are sampled, scored and paired, the model learns
// from the pairs, and the next round begins with what it has become.
import { defineRecipe, given, withDefaults } from 'tsumugi/recipe';
import { answers, dpo, pairs } from 'tsumugi/stages';
import { z } from 'zod';

export default defineRecipe({
  name: 'iterative-dpo',
  summary: 'sample answers → score → pair → DPO, in rounds, from prompts that can be checked',
  config: z.strictObject({
    model: z.string().min(1).describe('folder, or name on the Hugging Face Hub, of the model to begin with'),
    prompts: z.array(z.string().min(1)).default([]).describe('prompts, jsonl or parquet (none with pairs.score=task)'),
    rewardModel: z.string().min(1).optional().describe('folder of a reward model, for pairs.score=reward'),
    heldOut: z
      .array(z.string().min(1))
      .default([])
      .describe('other prompts with answers, which each model answers at the end'),
    rounds: z.int().positive().default(2).describe('times that the model answers and learns'),
    lora: z
      .int()
      .nonnegative()
      .default(0)
      .describe('rank of the adapters, merged after each round; 0 trains the whole model'),
    pairs: pairs.settings(),
    dpo: withDefaults(
      dpo.config.omit({ lora: true }).extend({
        learningRate: z
          .number()
          .positive()
          .optional()
          .describe('peak; 5e-6 with adapters and 5e-7 without, when left out (our choice)'),
      }),
      { tooLong: 'drop' }, // the answers are the model's own: nobody can make them shorter
    ),
    answers: answers.settings({ rule: 'number', maxTokens: 256 }),
  }),
  stages({ model, prompts, rewardModel, heldOut, rounds, lora, ...config }) {
    const asked = prompts.length > 0 ? [given('examples', prompts)] : [];
    const way = lora > 0 ? { lora, learningRate: 5e-6 } : { learningRate: 5e-7 };
    const judge = rewardModel === undefined ? [] : [given('reward', rewardModel)];
    const first = given('model', model);
    let learner: Parameters<typeof dpo.stage>[2]['model'] = first;
    const made = Array.from({ length: rounds }, (_, i) => {
      const asking = { ...config.pairs, seed: config.pairs.seed + i };
      const learning = { ...way, ...config.dpo, seed: config.dpo.seed + i };
      const preferred = pairs.stage(`pairs-${i + 1}`, asking, {
        model: learner,
        prompts: asked,
        rewardModel: judge,
      });
      const round = dpo.stage(`dpo-${i + 1}`, learning, { model: learner, pairs: preferred, heldOut: [] });
      learner = round;
      return [preferred, round] as const;
    });
    const models = [first, ...made.map(([, round]) => round)];
    const measured =
      heldOut.length === 0
        ? []
        : [answers.stage('answers', config.answers, { models, examples: given('examples', heldOut) })];
    return [...made.flat(), ...measured];
  },
});
