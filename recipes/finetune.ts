// A model of the hub or of a folder, fine-tuned on your own rows: adapters on examples (SFT), then on pairs of answers where there are some
// (DPO), merged into the model and written as a GGUF file.
import { defineRecipe, given, withDefaults } from 'tsumugi/recipe';
import { dpo, exportGguf, sft } from 'tsumugi/stages';
import { z } from 'zod';

const rate = (adapted: number, whole: number) =>
  z
    .number()
    .positive()
    .optional()
    .describe(`peak; ${adapted} with adapters and ${whole} without, when left out (our choice)`);

export default defineRecipe({
  name: 'finetune',
  summary: 'a model and my data → fine-tuned on examples, then on preferences → one GGUF file',
  config: z.strictObject({
    model: z.string().min(1).describe('folder, or name on the Hugging Face Hub, of the model to begin with'),
    data: z.array(z.string().min(1)).min(1).describe('examples, jsonl or parquet'),
    pairs: z.array(z.string().min(1)).default([]).describe('pairs of a better and a worse answer; none, no DPO'),
    lora: z.int().nonnegative().default(16).describe('rank of the adapters; 0 trains the whole model'),
    sft: withDefaults(sft.config.omit({ lora: true }).extend({ learningRate: rate(2e-4, 2e-5) }), {}),
    dpo: withDefaults(dpo.config.omit({ lora: true }).extend({ learningRate: rate(5e-6, 5e-7) }), {}),
    gguf: z.boolean().default(true).describe('write a file for llama.cpp'),
    export: exportGguf.settings(),
  }),
  stages({ model, data, pairs, lora, gguf, ...config }) {
    const ways = (adapted: number, whole: number) =>
      lora > 0 ? { lora, learningRate: adapted } : { learningRate: whole };

    const tuned = sft.stage(
      'sft',
      { ...ways(2e-4, 2e-5), ...config.sft },
      { model: given('model', model), examples: given('examples', data), heldOut: [] },
    );
    const preferred =
      pairs.length > 0
        ? [
            dpo.stage(
              'dpo',
              { ...ways(5e-6, 5e-7), ...config.dpo },
              { model: tuned, pairs: given('examples', pairs), heldOut: [] },
            ),
          ]
        : [];
    const last = preferred[0] ?? tuned;
    const file = gguf ? [exportGguf.stage('export', config.export, { model: last, text: [] })] : [];
    return [tuned, ...preferred, ...file];
  },
});
