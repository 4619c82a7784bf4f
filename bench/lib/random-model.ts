// A checkpoint with random weights, written tensor by tensor, and a small tokenizer beside it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { initialWeights, type Plamo2Config, publishedConfig, tensorShapes } from 'tsumugi/lm';
import { TOKENIZER_FILE, writeArtefact } from 'tsumugi/store';
import { embeddedText, trainTokenizer, writeTokenizer } from 'tsumugi/text';

/** Pieces: as few as train in a second; the rest of the vocabulary is padding. */
const vocabSize = 2000;

/** Writes a tokenizer into a folder. */
export function smallTokenizer(folder: string): void {
  const text = readFileSync(embeddedText()[0]!, 'utf8').slice(0, 100_000);
  writeTokenizer(folder, trainTokenizer([text], { vocabSize }));
}

export function writeRandomModel(out: string, config: Plamo2Config, seed: number, tokenizerFolder: string): void {
  const draw = initialWeights(seed);
  writeArtefact(out, {
    config: JSON.parse(JSON.stringify(publishedConfig(config))),
    tensors: Array.from(tensorShapes(config), ([name, shape]) => [
      name,
      { dtype: 'float32', shape, read: () => draw(name, shape) },
    ]),
    tokenizer: readFileSync(join(tokenizerFolder, TOKENIZER_FILE)),
    lineage: { stage: 'random', recipe: null, config: {}, seed, commit: null, parents: [] },
  });
}
