// The PLaMo 2 tokenizer: text to ids and back. No normaliser, no pre-tokeniser, no added space: what decodes is what was
// encoded, character for character.
import { checkOptions, FormatError, type OptionNames, type Steps } from '../../base/index.ts';
import { type DecodeOptions, StreamDecoder } from './decode.ts';
import { UnigramEncoder } from './encode.ts';
import { readTokenizerFiles, SPECIAL_NAMES, type SpecialNames } from './format.ts';
import { type Piece, Vocabulary } from './vocabulary.ts';

export interface TokenizerOptions {
  /** Rows of the model's embedding. It may exceed the vocabulary (the rest is padding), but not the other way round. */
  modelVocabSize?: number;
  /** What the tokenizer's own configuration says about sequences; `encode` follows its argument instead. */
  addBos?: boolean;
  addEos?: boolean;
  /** Names of the special pieces where they differ from the published ones. */
  names?: Partial<SpecialNames>;
  /** The file the pieces came from, for errors. */
  source?: string;
}

const tokenizerOptions: OptionNames<TokenizerOptions> = {
  modelVocabSize: true,
  addBos: true,
  addEos: true,
  names: true,
  source: true,
};

export interface EncodeOptions {
  /** Put the id of <|plamo:bos|> first. Default false. */
  addBos?: boolean;
  /**
   * For text from others: special pieces spelled in it do not match, so that it cannot open a turn or end a document.
   * Their characters become ordinary pieces and bytes, and decode to the same text. Default false, as published.
   */
  safe?: boolean;
}

/** Ids that are decoded between two steps. */
const STEP_IDS = 4096;

const encodeHints = { bos: 'Write { addBos: true }.', addSpecialTokens: 'Write { addBos: true }.' };
const encodeOptions: OptionNames<EncodeOptions> = { addBos: true, safe: true };

/** How densely a tokenizer packs a text. Characters are Unicode code points, bytes are UTF-8. */
export interface Density {
  tokens: number;
  characters: number;
  bytes: number;
  charactersPerToken: number;
  bytesPerToken: number;
}

export class Tokenizer {
  readonly vocabulary: Vocabulary;
  readonly bosId: number;
  readonly eosId: number;
  readonly padId: number;
  readonly unkId: number;
  /** `<|plamo:op|>`, which older tokenizers lack. */
  readonly opId: number | undefined;
  /** Whether training sequences begin with bos and end with eos, as tokenizer_config.json says. */
  readonly addBos: boolean;
  readonly addEos: boolean;
  /** Ids below this decode: the model's vocabulary size where it is known, otherwise the number of pieces. */
  readonly idLimit: number;
  readonly #encoder: UnigramEncoder;

  /**
   * Reads a tokenizer.jsonl, or the one in a model folder, with the tokenizer_config.json beside it.
   * @throws DataError when it is not there; FormatError, with file and line, when it is malformed or too large
   */
  static load(fileOrFolder: string, options: Pick<TokenizerOptions, 'modelVocabSize'> = {}): Tokenizer {
    checkOptions('Tokenizer.load', options, { modelVocabSize: true });
    const { path, pieces, config } = readTokenizerFiles(fileOrFolder);
    return new Tokenizer(pieces, { ...config, ...options, source: path });
  }

  /** @throws FormatError naming the piece that is wrong or missing */
  static fromPieces(pieces: readonly Piece[], options: TokenizerOptions = {}): Tokenizer {
    checkOptions('Tokenizer.fromPieces', options, tokenizerOptions);
    return new Tokenizer(pieces, options);
  }

  private constructor(pieces: readonly Piece[], options: TokenizerOptions) {
    const { source, modelVocabSize, addBos, addEos } = options;
    this.vocabulary = new Vocabulary(pieces, source);
    const size = this.vocabulary.size;
    if (modelVocabSize !== undefined && size > modelVocabSize) {
      throw new FormatError(
        'tokenizer-size',
        `${source ?? 'the vocabulary'} has ${size} pieces, but the model has a vocabulary of ${modelVocabSize}`,
        { remedy: 'Use the tokenizer that came with the model.', fields: { source, size, modelVocabSize } },
      );
    }
    this.idLimit = modelVocabSize ?? size;
    this.addBos = addBos ?? false;
    this.addEos = addEos ?? false;
    const names = { ...SPECIAL_NAMES, ...options.names };
    const idOf = (role: keyof SpecialNames) => {
      const id = this.vocabulary.idOf(names[role]);
      if (id !== undefined) return id;
      throw new FormatError('tokenizer-special', `${source ?? 'the vocabulary'} has no piece ${names[role]}`, {
        remedy: `Add the ${role} piece, or name another in tokenizer_config.json as ${role}_token.`,
        fields: { source, role, name: names[role] },
      });
    };
    this.bosId = idOf('bos');
    this.eosId = idOf('eos');
    this.padId = idOf('pad');
    this.unkId = options.names?.unk === undefined ? this.vocabulary.unkId : idOf('unk');
    this.opId = this.vocabulary.idOf(names.op);
    this.#encoder = new UnigramEncoder(this.vocabulary);
  }

  /** The number of pieces. */
  get vocabSize(): number {
    return this.vocabulary.size;
  }

  /** Ids of the model that no piece has (100,032 − 100,000 in the published translation model). */
  get paddingIds(): number {
    return this.idLimit - this.vocabSize;
  }

  /** The piece with this id, or undefined. */
  piece(id: number): Piece | undefined {
    return this.vocabulary.pieces[id];
  }

  /** The id of the piece with exactly this text, or undefined. */
  idOf(text: string): number | undefined {
    return this.vocabulary.idOf(text);
  }

  /** The ids of `text`. Half of a surrogate pair, which is no character, is read as U+FFFD. */
  encode(text: string, options: EncodeOptions = {}): number[] {
    checkOptions('encode', options, encodeOptions, encodeHints);
    return this.#encoder.encode(text, options.safe ?? false, options.addBos ? [this.bosId] : []);
  }

  /** `encode` in steps, between which others have their turn: of a long text, each takes about a millisecond. */
  encodeSteps(text: string, options: EncodeOptions = {}): Steps<number[]> {
    checkOptions('encodeSteps', options, encodeOptions, encodeHints);
    return this.#encoder.encodeSteps(text, options.safe ?? false, options.addBos ? [this.bosId] : []);
  }

  /** `decode` in steps. */
  *decodeSteps(ids: readonly number[], options: DecodeOptions = {}): Steps<string> {
    const decoder = this.decoder(options);
    let text = '';
    for (const [i, id] of ids.entries()) {
      text += decoder.push(id);
      if (i % STEP_IDS === STEP_IDS - 1) yield;
    }
    return text + decoder.flush();
  }

  /** @throws DataError for an id that the vocabulary does not have */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const decoder = this.decoder(options);
    let text = '';
    for (const id of ids) text += decoder.push(id);
    return text + decoder.flush();
  }

  /** A decoder for ids that come one by one, which never shows part of a character. */
  decoder(options: DecodeOptions = {}): StreamDecoder {
    return new StreamDecoder(this.vocabulary, this.idLimit, options);
  }

  /** Counts tokens, characters and bytes over texts. */
  density(texts: Iterable<string>): Density {
    let [tokens, characters, bytes] = [0, 0, 0];
    for (const text of texts) {
      tokens += this.encode(text).length;
      bytes += Buffer.byteLength(text);
      for (const _ of text) characters++;
    }
    return { tokens, characters, bytes, charactersPerToken: characters / tokens, bytesPerToken: bytes / tokens };
  }
}
