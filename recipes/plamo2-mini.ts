// The recipe of PLaMo 2 in miniature, on two novels: a tokenizer and a small hybrid model from nothing, then extended from
// windows to full attention and a context four times as long; made smaller again by pruning and distillation, its two students merged,
// their merge quantized and exported; then measured. Minutes on two cores.
import { defineRecipe, given, withDefaults } from 'tsumugi/recipe';
import {
  data,
  distill,
  evaluate,
  exportGguf,
  extend,
  merge,
  pretrain,
  prune,
  quantize,
  readingConfig,
  tokenizer,
} from 'tsumugi/stages';
import { embeddedText } from 'tsumugi/text';
import { z } from 'zod';

export default defineRecipe({
  name: 'plamo2-mini',
  summary: 'tokenizer → pre-training → long context → a smaller model → evaluation, on two novels by Natsume Sōseki',
  config: z.strictObject({
    text: z.array(z.string()).default([]).describe('files and folders to learn from; two novels unless given'),
    reading: withDefaults(readingConfig, { documentCharacters: 8000 }), // several contexts long
    tokenizer: tokenizer.settings(),
    data: data.settings(),
    pretrain: pretrain.settings({ sequenceLength: 256, evaluateEvery: 50, checkpointEvery: 50 }),
    longContext: z.boolean().default(true).describe('extend the model; needs documents as long as its context becomes'),
    extend: extend.settings({
      phases: [
        { sequenceLength: 512, steps: 24, batchSize: 4 },
        { sequenceLength: 1024, steps: 24, batchSize: 2 },
      ],
      learningRate: 1e-4, // this little text is known by heart already: more would only make held-out text harder
      activationCheckpointing: false,
      evaluateEvery: 12,
      checkpointEvery: 12,
    }),
    smaller: z.boolean().default(true).describe('prune, distill, merge, quantize and export the model'),
    prune: prune.settings({ intermediate_size: 512 }), // of the 704 of `mini`
    distill: distill.settings({ steps: 100, batchSize: 4, evaluateEvery: 50 }),
    sibling: distill.settings({ steps: 100, batchSize: 4, evaluateEvery: 50, seed: 1 }),
    merge: merge.settings({ merge_method: 'linear', parameters: { weight: 1 } }),
    quantize: quantize.settings({}),
    export: exportGguf.settings({ type: 'Q8_0' }),
    evaluate: evaluate.settings({
      sequenceLengths: [256, 512, 1024],
      tasks: ['needle'],
      options: { lengths: '256,512,1024', depths: '0,50,100', samples: '8' },
    }),
  }),
  stages(config) {
    const text = given('text', config.text.length > 0 ? config.text : embeddedText(), config.reading);
    const pieces = tokenizer.stage('tokenizer', config.tokenizer, { text });
    const shards = data.stage('data', config.data, { text, tokenizer: pieces });
    const base = pretrain.stage('pretrain', config.pretrain, { data: shards, tokenizer: pieces });
    const long = config.longContext ? [extend.stage('extend', config.extend, { model: base, data: [shards] })] : [];
    const model = long[0] ?? base;
    const [models, files] = config.smaller ? shrink(model) : [[], []];
    const metrics = evaluate.stage('evaluate', config.evaluate, {
      models: [base, ...long, ...models.slice(-2)], // the merge, and what is left of it in few bits
      data: shards,
    });
    return [pieces, shards, base, ...long, ...models, ...files, metrics];

    function shrink(teacher: typeof base) {
      const pruned = prune.stage('prune', config.prune, { model: teacher, text });
      const taught = { teacher, model: pruned, data: shards, logits: [] };
      const students = [
        distill.stage('distill', config.distill, taught),
        distill.stage('sibling', config.sibling, taught),
      ] as const;
      const merged = merge.stage('merge', config.merge, { models: students });
      const few = quantize.stage('quantize', config.quantize, { model: merged, text: [] });
      const file = exportGguf.stage('export', config.export, { model: merged, text: [] });
      return [[pruned, ...students, merged, few], [file]] as const;
    }
  },
});
