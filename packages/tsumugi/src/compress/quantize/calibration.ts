// The text as it is between two layers: hidden states that go from layer to layer, so that one layer at a time is in memory.
import { type Block, idsRow, type RopeSource, RopeTables } from '../../lm/index.ts';
import { embedding, noGrad, scope, type Tensor } from '../../torch/index.ts';
import type { SourceModel } from './source.ts';

export class Calibration implements Disposable {
  readonly tokens: number;
  readonly #rope = new RopeTables();
  /** [1, T, D] of each text */
  #hidden: Tensor[];

  /** @param texts ids of each text, at least one */
  constructor(source: SourceModel, texts: readonly (readonly number[])[]) {
    this.tokens = texts.reduce((sum, { length }) => sum + length, 0);
    const name = 'model.embed_tokens.weight';
    this.#hidden = texts.map((ids) =>
      scope(() => embedding(source.weights.tensor(name), idsRow(ids)).to('float32').keep()),
    );
  }

  #each(block: Block, then: (output: Tensor, index: number) => void): void {
    const context: { rope: RopeSource; offset: number } = { rope: this.#rope, offset: 0 };
    noGrad(() => {
      for (const [i, hidden] of this.#hidden.entries()) scope(() => then(block.forward(hidden, context), i));
    });
  }

  /** Lets a layer see the text. */
  pass(block: Block): void {
    this.#each(block, () => {});
  }

  /** Puts what a layer makes of the text in the text's place. */
  advance(block: Block): void {
    this.#each(block, (output, i) => {
      this.#hidden[i]!.dispose();
      this.#hidden[i] = output.keep();
    });
  }

  [Symbol.dispose](): void {
    for (const each of this.#hidden.splice(0)) each.dispose();
    this.#rope[Symbol.dispose]();
  }
}
