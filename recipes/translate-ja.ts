// A small translator from English into Japanese, from nothing: tokenizer, pre-training, fine-tuning in the published format of translation,
// H-DPO on newer against older translations, chrF on packages that were held out.
import { defineRecipe, given } from 'tsumugi/recipe';
import { buildExamples, data, dpo, pretrain, sft, tokenizer } from 'tsumugi/stages';
import { embeddedText } from 'tsumugi/text';
import { z } from 'zod';
import { compareTranslations } from './translation/compare.ts';
import { findCorpus } from './translation/corpus.ts';
import { sentences, text } from './translation/rows.ts';
import { split } from './translation/split.ts';

export default defineRecipe({
  name: 'translate-ja',
  summary:
    'tokenizer → pre-training → translation → newer against older translations → chrF, on the text of free software',
  config: z.strictObject({
    corpus: z
      .string()
      .min(1)
      .optional()
      .describe('folder with en-ja-pairs, ja-docs and package-descriptions (.jsonl, .jsonl.xz)'),
    split: split.settings(),
    text: text.settings(),
    tokenizer: tokenizer.settings({ vocabularySize: 9000 }),
    data: data.settings({ heldOutFraction: 0.002 }),
    pretrain: pretrain.settings({
      model: 'bench',
      modelChanges: { num_hidden_layers: 9 }, // 20.3 M parameters
      steps: 3000,
      sequenceLength: 256,
      batchSize: 4,
      learningRate: 2e-3,
      evaluateEvery: 200,
      evaluateTokens: 5000,
      checkpointEvery: 50,
    }),
    examples: buildExamples.settings({ builder: 'translate-en-ja', share: 0.2, heldOutFraction: 0 }),
    preferences: buildExamples.settings({ builder: 'newer-translation', rows: 'pairs', heldOutFraction: 0 }),
    sft: sft.settings({
      template: 'plamo-translate',
      epochs: 1,
      batchSize: 48,
      sequenceLength: 256,
      tooLong: 'drop',
      learningRate: 5e-4,
      evaluateEvery: 50,
      evaluateTokens: 10_000,
      checkpointEvery: 25,
    }),
    hdpo: dpo.settings({
      loss: 'hdpo',
      alpha: 0.9,
      beta: 0.1,
      steps: 160, // three times through the pairs
      batchSize: 16,
      sequenceLength: 256,
      tooLong: 'drop',
      learningRate: 1e-5,
      evaluateEvery: 50,
      checkpointEvery: 25,
    }),
    compare: compareTranslations.settings(),
  }),
  stages(config) {
    const files = findCorpus(config.corpus);
    const parts = split.stage('split', config.split, {
      pairs: given('pairs', files.pairs),
      descriptions: given('pairs', files.descriptions),
      documents: given('documents', files.documents),
    });
    const readable = text.stage('text', config.text, { split: parts, novels: given('text', embeddedText()) });
    const pieces = tokenizer.stage('tokenizer', config.tokenizer, { text: readable });
    const shards = data.stage('data', config.data, { text: readable, tokenizer: pieces });
    const base = pretrain.stage('pretrain', config.pretrain, { data: shards, tokenizer: pieces });
    const learned = sentences.stage('sentences', { part: 'train' }, { split: parts });
    const others = sentences.stage('held-out', { part: 'held-out' }, { split: parts });
    const rows = buildExamples.stage('examples', config.examples, { data: learned });
    const measured = buildExamples.stage('measured', { ...config.examples, share: 1 }, { data: others });
    const translator = sft.stage('sft', config.sft, { model: base, examples: rows, heldOut: [measured] });
    const pairs = buildExamples.stage('preferences', config.preferences, { data: learned });
    const aligned = dpo.stage('hdpo', config.hdpo, { model: translator, pairs, heldOut: [] });
    const models = [translator, aligned];
    const chrf = compareTranslations.stage('compare', config.compare, { split: parts, base, models });
    return [parts, readable, pieces, shards, base, learned, others, rows, measured, translator, pairs, aligned, chrf];
  },
});
