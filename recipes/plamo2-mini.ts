// The recipe of PLaMo 2 in miniature, on two novels: a tokenizer and a small hybrid model from nothing, grown, extended to full attention and
// a longer context, made smaller again by pruning and distillation; then aligned: questions are made of the text, the model learns to answer
// them (SFT) and to prefer right answers (H-DPO), merged after each; then quantized, exported and measured.
import { defineRecipe, given, withDefaults } from 'tsumugi/recipe';
import {
  answers,
  buildExamples,
  data,
  distill,
  dpo,
  evaluate,
  exportGguf,
  extend,
  grow,
  merge,
  pretrain,
  prune,
  quantize,
  readingConfig,
  sft,
  tokenizer,
} from 'tsumugi/stages';
import { embeddedText } from 'tsumugi/text';
import { z } from 'zod';

/** What a size of the recipe says of a stage: defaults of its settings. */
type Of<Stage extends { config: z.ZodObject }> = Partial<z.input<Stage['config']>>;

/** A size of the recipe. The order of the stages is the same for all; defaults are our choice where nothing is published. */
export interface Size {
  name: string;
  summary: string;
  documentCharacters: number;
  tokenizer: Of<typeof tokenizer>;
  data: Of<typeof data>;
  pretrain: Of<typeof pretrain>;
  grow: Of<typeof grow>;
  extend: Of<typeof extend>;
  prune: Of<typeof prune>;
  distill: Of<typeof distill>;
  sft: Of<typeof sft>;
  dpo: Of<typeof dpo>;
  quantize: Of<typeof quantize>;
  export: Of<typeof exportGguf>;
  answers: Of<typeof answers>;
  evaluate: Of<typeof evaluate>;
}

/** The recipe at a size. */
export const plamo2 = (size: Size) =>
  defineRecipe({
    name: size.name,
    summary: size.summary,
    config: z.strictObject({
      text: z.array(z.string()).default([]).describe('files and folders to learn from; two novels unless given'),
      reading: withDefaults(readingConfig, { documentCharacters: size.documentCharacters }),
      tokenizer: tokenizer.settings(size.tokenizer),
      data: data.settings(size.data),
      pretrain: pretrain.settings(size.pretrain),
      grow: grow.settings(size.grow),
      longContext: z.boolean().default(true).describe('extend it; needs documents as long as its context becomes'),
      extend: extend.settings(size.extend),
      smaller: z.boolean().default(true).describe('prune and distill it'),
      prune: prune.settings(size.prune),
      distill: distill.settings(size.distill),
      sibling: distill.settings({ ...size.distill, seed: 1 }),
      merge: merge.settings({ merge_method: 'linear', parameters: { weight: 1 } }),
      aligned: z.boolean().default(true).describe('teach it to answer questions about the text; needs Japanese text'),
      questions: withDefaults(
        buildExamples.config.omit({ rows: true, side: true, heldOutFraction: true, seed: true }),
        {
          builder: 'particle-cloze',
        },
      ),
      sft: sft.settings(size.sft),
      sftSibling: sft.settings({ ...size.sft, seed: 1 }),
      sftMerge: merge.settings({ merge_method: 'linear', parameters: { weight: 1 } }),
      dpo: dpo.settings(size.dpo),
      dpoMerge: merge.settings({ merge_method: 'linear', parameters: { weight: 1 } }),
      quantize: quantize.settings(size.quantize),
      export: exportGguf.settings(size.export),
      answers: answers.settings(size.answers),
      evaluate: evaluate.settings(size.evaluate),
    }),
    stages(config) {
      // A model from nothing, grown and given a longer context.
      const text = given('text', config.text.length > 0 ? config.text : embeddedText(), config.reading);
      const pieces = tokenizer.stage('tokenizer', config.tokenizer, { text });
      const shards = data.stage('data', config.data, { text, tokenizer: pieces });
      const small = pretrain.stage('pretrain', config.pretrain, { data: shards, tokenizer: pieces });
      const grown = grow.stage('grow', config.grow, { model: small, tokenizer: [] });
      const long = config.longContext ? [extend.stage('extend', config.extend, { model: grown, data: [shards] })] : [];
      const large = long[0] ?? grown;

      // Smaller again: two students of it, merged.
      const shrink = () => {
        const pruned = prune.stage('prune', config.prune, { model: large, text });
        const taught = { teacher: large, model: pruned, data: shards, logits: [] };
        const first = distill.stage('distill', config.distill, taught);
        const second = distill.stage('sibling', config.sibling, taught);
        return [pruned, first, second, merge.stage('merge', config.merge, { models: [first, second] })];
      };
      const students = config.smaller ? shrink() : [];
      const base = students.at(-1) ?? large;

      // Aligned: questions made of the text, of the documents that it has not read where it is measured.
      const { heldOutFraction, seed } = config.data;
      const questions = (name: string, rows: 'answers' | 'pairs', side: 'train' | 'heldOut') =>
        buildExamples.stage(name, { ...config.questions, rows, side, heldOutFraction, seed }, { data: text });
      const align = () => {
        const rows = questions('questions', 'answers', 'train');
        const unseen = questions('unseen', 'answers', 'heldOut');
        const pairs = questions('pairs', 'pairs', 'train');
        const unseenPairs = questions('unseenPairs', 'pairs', 'heldOut');
        const examples = { model: base, examples: rows, heldOut: [unseen] };
        const first = sft.stage('sft', config.sft, examples);
        const second = sft.stage('sftSibling', config.sftSibling, examples);
        const tuned = merge.stage('sftMerge', config.sftMerge, { models: [first, second] });
        const preferring = dpo.stage('dpo', config.dpo, { model: tuned, pairs, heldOut: [unseenPairs] });
        const aligned = merge.stage('dpoMerge', config.dpoMerge, { models: [preferring, tuned] });
        const few = quantize.stage('quantize', config.quantize, { model: aligned, text: [] });
        const asked = answers.stage('answers', config.answers, {
          models: [base, tuned, aligned, few],
          examples: unseen,
        });
        return {
          data: [rows, unseen, pairs, unseenPairs],
          models: [first, second, tuned, preferring, aligned, few],
          asked,
        };
      };
      const alignment = config.aligned ? align() : undefined;

      // What others run, and what all of it came to.
      const few = alignment ? [] : [quantize.stage('quantize', config.quantize, { model: base, text: [] })];
      const last = alignment?.models.at(-2) ?? base;
      const file = exportGguf.stage('export', config.export, { model: last, text: [] });
      const metrics = evaluate.stage('evaluate', config.evaluate, {
        models: [small, ...long, ...students.slice(-1), ...(last === base ? [] : [last])],
        data: shards,
      });
      return [
        ...[pieces, shards, small, grown, ...long, ...students],
        ...(alignment ? [...alignment.data, ...alignment.models] : few),
        ...[file, ...(alignment ? [alignment.asked] : []), metrics],
      ];
    },
  });

/** Checkpoints and evaluations of short trainings: at their ends. */
const short = { evaluateEvery: 0, checkpointEvery: 50 };

export default plamo2({
  name: 'plamo2-mini',
  summary:
    'tokenizer → pre-training → growing → long context → a smaller model → SFT → H-DPO, on two novels by Natsume Sōseki',
  documentCharacters: 8000, // several contexts long
  tokenizer: {},
  data: { heldOutFraction: 0.1 }, // questions enough to tell models apart
  pretrain: {
    modelChanges: { num_hidden_layers: 2 },
    sequenceLength: 256,
    batchSize: 6,
    evaluateEvery: 100,
    checkpointEvery: 50,
  },
  grow: { num_hidden_layers: 4 }, // to the shape of `mini`
  extend: {
    phases: [
      { sequenceLength: 256, steps: 60, batchSize: 6 },
      { sequenceLength: 512, steps: 12, batchSize: 4 },
      { sequenceLength: 1024, steps: 12, batchSize: 2 },
    ],
    learningRate: 1e-3,
    activationCheckpointing: false,
    ...short,
  },
  prune: { intermediate_size: 512 }, // of 704
  distill: { steps: 40, batchSize: 4, ...short },
  sft: { learningRate: 1e-3, batchSize: 32, ...short },
  dpo: { loss: 'hdpo', learningRate: 5e-5, batchSize: 32, ...short },
  quantize: { bits: 8 },
  export: { type: 'Q8_0' },
  answers: { maxTokens: 8 },
  evaluate: {
    sequenceLengths: [256, 1024],
    tasks: ['needle'],
    options: { lengths: '256,1024', depths: '0,50,100', samples: '4' },
  },
});
