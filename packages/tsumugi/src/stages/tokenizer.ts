// Stage: text → tokenizer.
import { join } from 'node:path';
import { defineStage, metric } from '../recipe/index.ts';
import { openTokenizer, TrainingText, trainTokenizer, writeTokenizer } from '../text/index.ts';
import { tokenizerConfig } from './config.ts';
import { TINY_VOCABULARY } from './dry-run.ts';
import { openText } from './reading.ts';
import { runtimeMemory } from './runtime-memory.ts';

/** Training uses no more text than this (`TrainingText`): its limit in UTF-16 code units, as UTF-8 bytes of Japanese. */
const maxBytes = 3 * 2 ** 24;

export const tokenizer = defineStage({
  name: 'tokenizer',
  version: 1,
  makes: 'tokenizer',
  inputs: { text: 'text' },
  config: tokenizerConfig,
  output: 'tokenizer',
  resumes: false,
  dryRun: () => ({ vocabularySize: TINY_VOCABULARY }),
  forecast({ inputs, config }) {
    const bytes = Math.min(inputs.text.bytes, maxBytes);
    return {
      // Measured 2026 on two cores: a second for each MB of text, and 20 bytes of memory for each byte.
      seconds: 1 + bytes / 1e6,
      memory: [runtimeMemory(120), { what: 'text and its substrings', bytes: 20 * bytes }],
      diskBytes: 64 * config.vocabularySize,
      metrics: { pieces: config.vocabularySize },
      lowers: { time: ['vocabularySize'] },
    };
  },
  async run({ config, inputs, folder }) {
    const text = new TrainingText();
    for await (const document of openText(inputs.text).documents()) text.add(document.text);
    const place = join(folder, 'tokenizer');
    writeTokenizer(place, trainTokenizer(text, { vocabSize: config.vocabularySize }));
    return { metrics: [metric('pieces', openTokenizer(place).tokenizer.vocabSize)] };
  },
});
