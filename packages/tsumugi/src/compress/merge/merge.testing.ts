// For tests: small models in folders, with tokenizers of their own choice.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { initialWeights, Plamo2, type Plamo2Config, preset, saveModel } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { byteText, type Piece, SPECIAL_NAMES, writeTokenizer } from '../../text/index.ts';
import { scope } from '../../torch/index.ts';
import { type MergeModelsOptions, mergeModels } from './merge-models.ts';

const pieces = (characters: string): Piece[] => [
  { text: SPECIAL_NAMES.unk, score: 0, type: 'UNKNOWN' },
  ...[SPECIAL_NAMES.bos, SPECIAL_NAMES.eos, SPECIAL_NAMES.pad, SPECIAL_NAMES.op].map(
    (text): Piece => ({ text, score: 0, type: 'CONTROL' }),
  ),
  ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
  ...Array.from(characters, (text): Piece => ({ text, score: -1, type: 'NORMAL' })),
];

/** The id of the first character. */
export const firstCharacter = 261;

export class SmallModels implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), 'tsumugi-merge-'));

  at(...names: string[]): string {
    return join(this.home, ...names);
  }

  /** Writes a model with random weights, and returns its folder. */
  make(
    name: string,
    seed: number,
    changes: Partial<Plamo2Config> = {},
    { characters = '猫犬鳥', padding = 4 } = {},
  ): string {
    const own = pieces(characters);
    const tokenizerFolder = this.at(`${name}.tokenizer`);
    mkdirSync(tokenizerFolder);
    writeTokenizer(tokenizerFolder, own);
    const config = preset('mini', {
      ...{
        hidden_size: 32,
        intermediate_size: 48,
        num_hidden_layers: 4,
        num_attention_heads: 2,
        num_key_value_heads: 1,
      },
      ...{ hidden_size_per_head: 16, mamba_num_heads: 2, mamba_d_state: 8, mamba_chunk_size: 16 },
      ...{ attention_window_size: 8, vocab_size: own.length + padding, ...changes },
    });
    using model = new Plamo2(config, initialWeights(seed));
    saveModel(this.at(name), model, { tokenizerFolder });
    return this.at(name);
  }

  /** Writes a YAML, and returns its path. */
  yaml(text: string, name = 'merge.yml'): string {
    writeFileSync(this.at(name), text);
    return this.at(name);
  }

  /** A tensor of a model, as numbers. */
  numbers(model: string, tensor: string): number[] {
    using weights = new Artefact(this.at(model)).weights();
    return scope(() => [...(weights.tensor(tensor).double().data() as Float64Array)]);
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true });
  }
}

export const embedding = 'model.embed_tokens.weight';

/** Of models a and b. */
export const linear = `merge_method: linear
models:
  - {model: a, parameters: {weight: 3}}
  - {model: b, parameters: {weight: 1}}
`;

/** Small models base, a and b, and merges of them, which pass no gate: it has tests of its own. */
export class SmallMerges extends SmallModels {
  made = 0;

  constructor() {
    super();
    for (const [i, name] of ['base', 'a', 'b'].entries()) this.make(name, i + 1);
  }

  /** The name of the next merged model. */
  get next(): string {
    return `merged-${this.made}`;
  }

  /** Merges, and gives the name of the new model. */
  async merge(yaml: string, options: MergeModelsOptions = {}): Promise<string> {
    const name = this.next;
    this.made++;
    await mergeModels(this.yaml(yaml), this.at(name), { gate: false, ...options });
    return name;
  }

  /** A tensor of a merged model is a weighted sum of tensors of its models. */
  expectMix(
    found: string,
    tensor: string,
    parts: readonly (readonly [model: string, weight: number, as?: string])[],
  ): void {
    const numbers = parts.map(([model, , as = tensor]) => this.numbers(model, as));
    for (const [i, value] of this.numbers(found, tensor).entries())
      expect(value, tensor).toBeCloseTo(
        parts.reduce((sum, [, weight], p) => sum + weight * numbers[p]![i]!, 0),
        6,
      );
  }
}
