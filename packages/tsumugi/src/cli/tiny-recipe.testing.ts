// For tests: plamo2-mini's stages with a model of 60,000 parameters, in seconds.
import { z } from 'zod';
import { defineRecipe, given, withDefaults } from '../recipe/index.ts';
import { data, evaluate, extend, pretrain, readingConfig, tokenizer } from '../stages/index.ts';
import { tinyModel } from '../train/train.testing.ts';

const checks = { evaluateEvery: 5, evaluateTokens: 2000, checkpointEvery: 2 };

export default defineRecipe({
  name: 'tiny',
  summary: 'every stage, tiny',
  config: z.strictObject({
    text: z.array(z.string()),
    reading: withDefaults(readingConfig, { documentCharacters: 800 }),
    tokenizer: tokenizer.settings({ vocabularySize: 500 }),
    data: data.settings({ heldOutFraction: 0.15 }),
    pretrain: pretrain.settings({ modelChanges: tinyModel, steps: 20, sequenceLength: 48, batchSize: 2, ...checks }),
    extend: extend.settings({ phases: [{ sequenceLength: 96, steps: 10, batchSize: 2 }], ...checks }),
    evaluate: evaluate.settings({
      sequenceLengths: [48, 96],
      tasks: ['needle'],
      options: { lengths: '256', depths: '0,100', samples: '2' },
    }),
  }),
  stages(config) {
    const text = given('text', config.text, config.reading);
    const pieces = tokenizer.stage('tokenizer', config.tokenizer, { text });
    const shards = data.stage('data', config.data, { text, tokenizer: pieces });
    const base = pretrain.stage('pretrain', config.pretrain, { data: shards, tokenizer: pieces });
    const long = extend.stage('extend', config.extend, { model: base, data: [shards] });
    const metrics = evaluate.stage('evaluate', config.evaluate, { models: [base, long], data: shards });
    return [pieces, shards, base, long, metrics];
  },
});
