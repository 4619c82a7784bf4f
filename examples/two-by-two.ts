// A two-by-two study: does the z-loss help, and does it at both learning rates? Four models, each with two seeds, side by side.
//
//   npx tsumugi run examples/two-by-two.ts
import { defineRecipe, given, sweep, withDefaults } from 'tsumugi/recipe';
import { data, pretrain, readingConfig, tokenizer } from 'tsumugi/stages';
import { embeddedText } from 'tsumugi/text';
import { z } from 'zod';

export default defineRecipe({
  name: 'two-by-two',
  summary: 'z-loss and learning rate, two by two',
  config: z.strictObject({
    text: z.array(z.string()).default(embeddedText()),
    reading: withDefaults(readingConfig, { documentCharacters: 8000 }),
    tokenizer: tokenizer.settings(),
    data: data.settings(),
    pretrain: pretrain.settings({ steps: 100, evaluateEvery: 25 }),
  }),
  stages(config) {
    const text = given('text', config.text, config.reading);
    const pieces = tokenizer.stage('tokenizer', config.tokenizer, { text });
    const shards = data.stage('data', config.data, { text, tokenizer: pieces });
    const values = { zLoss: [0, 1e-4], learningRate: [1e-3, 3e-3] };
    const models = sweep('study', { values, seeds: [0, 1] }, (point, name) =>
      pretrain.stage(name, { ...config.pretrain, ...point }, { data: shards, tokenizer: pieces }),
    );
    return [pieces, shards, ...models];
  },
});
