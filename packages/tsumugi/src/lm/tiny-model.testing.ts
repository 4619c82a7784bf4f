// For tests: a tiny model with random weights and a small tokenizer, in a folder.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { byteText, type Piece, SPECIAL_NAMES, type Tokenizer, writeTokenizer } from '../text/index.ts';
import { initialWeights, loadModel, loadTokenizer, Plamo2, preset, saveModel } from './index.ts';

const characters = [
  ...'、。「」猫犬鳥山川海月日火水木金土人名前吾輩はがをにでとのもへやかいうえおきくけこさしすせそたちつてなぬねま\n',
];

const pieces: Piece[] = [
  { text: SPECIAL_NAMES.unk, score: 0, type: 'UNKNOWN' },
  ...[SPECIAL_NAMES.bos, SPECIAL_NAMES.eos, SPECIAL_NAMES.pad, SPECIAL_NAMES.op].map(
    (text): Piece => ({ text, score: 0, type: 'CONTROL' }),
  ),
  ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
  ...characters.map((text): Piece => ({ text, score: -1, type: 'NORMAL' })),
];

export class TinyModel implements Disposable {
  readonly folder: string;
  readonly #home: string;

  constructor(seed = 1) {
    this.#home = mkdtempSync(join(tmpdir(), 'tsumugi-tiny-'));
    this.folder = join(this.#home, 'model');
    const tokenizerFolder = join(this.#home, 'tokenizer');
    mkdirSync(tokenizerFolder);
    writeTokenizer(tokenizerFolder, pieces);
    const config = preset('mini', {
      hidden_size: 32,
      intermediate_size: 48,
      num_hidden_layers: 3,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      hidden_size_per_head: 16,
      mamba_num_heads: 2,
      mamba_d_state: 8,
      mamba_chunk_size: 16,
      attention_window_size: 8,
      vocab_size: pieces.length + 5,
    });
    using model = new Plamo2(config, initialWeights(seed));
    saveModel(this.folder, model, { tokenizerFolder });
  }

  load(): Plamo2 {
    return loadModel(this.folder);
  }

  loadTokenizer(): Tokenizer {
    return loadTokenizer(this.folder);
  }

  [Symbol.dispose](): void {
    rmSync(this.#home, { recursive: true });
  }
}

/** The model of all tests of a file: called at its top, removed after its last test. */
export function tinyModelOfFile(): TinyModel {
  const tiny = new TinyModel();
  afterAll(() => tiny[Symbol.dispose]());
  return tiny;
}
