// For tests: a model folder whose shape llama.cpp takes, with weights large enough for predictions to differ.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { initialWeights, type LlamaLibrary, Plamo2, type Plamo2Config, preset, saveModel } from '../../../lm/index.ts';
import { TinyModel } from '../../../lm/tiny-model.testing.ts';
import { tensorAt } from '../../../nn/index.ts';
import { writeTokenizer } from '../../../text/index.ts';
import { noGrad, scope } from '../../../torch/index.ts';
import { type ExportGgufConfig, exportGgufConfig } from './config.ts';

const place = process.env['TSUMUGI_NODE_LLAMA_CPP'];
const installed = place === undefined ? 'node-llama-cpp' : pathToFileURL(join(place, 'dist/index.js')).href;
/** node-llama-cpp, where it is there. */
export const library: LlamaLibrary | undefined = await import(/* @vite-ignore */ installed).catch(() => undefined);

export class ExportHome implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tsumugi-輸出-'));
  readonly #pieces: Parameters<typeof writeTokenizer>[1];

  constructor() {
    using tiny = new TinyModel();
    this.#pieces = tiny.loadTokenizer().vocabulary.pieces;
  }

  at = (...names: string[]): string => join(this.folder, ...names);

  /** A model folder; five rows of its embedding have no piece. */
  model(name: string, changes: Partial<Plamo2Config> = {}, change: (model: Plamo2) => void = () => {}): string {
    const tokenizerFolder = this.at('tokenizer');
    mkdirSync(tokenizerFolder, { recursive: true });
    writeTokenizer(tokenizerFolder, this.#pieces);
    const config = preset('mini', {
      ...{
        hidden_size: 64,
        intermediate_size: 96,
        num_hidden_layers: 4,
        num_attention_heads: 4,
        num_key_value_heads: 2,
      },
      ...{ hidden_size_per_head: 32, mamba_num_heads: 2, mamba_d_state: 8, mamba_chunk_size: 16 },
      ...{ attention_window_size: 300, vocab_size: this.#pieces.length + 5, ...changes },
    });
    using model = new Plamo2(config, initialWeights(3));
    noGrad(() =>
      scope(() => {
        tensorAt(model, 'model.embed_tokens.weight').mul_(10);
        if (model.lm_head) tensorAt(model, 'lm_head.weight').mul_(10);
        change(model);
      }),
    );
    const folder = this.at(name);
    saveModel(folder, model, { tokenizerFolder });
    return folder;
  }

  config(model: string, changes: Partial<ExportGgufConfig> = {}): ExportGgufConfig {
    return exportGgufConfig.parse({ model, out: this.at('model.gguf'), type: 'F32', gate: false, ...changes });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}
