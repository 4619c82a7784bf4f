// From ids back to text: a byte token gives its byte, any other piece the UTF-8 of its text; the bytes are read as UTF-8
// with U+FFFD for what is not. Pieces are whole characters, so only runs of byte tokens can leave a character unfinished.
import { checkOptions, DataError } from '../../base/index.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface DecodeOptions {
  /** Leave out CONTROL and UNKNOWN pieces. Default false: they are written as their names. */
  skipSpecial?: boolean;
}

/** Turns a stream of ids into a stream of text in which a character appears once all its bytes have come. */
export class StreamDecoder {
  readonly #vocabulary: Vocabulary;
  readonly #idLimit: number;
  readonly #skipSpecial: boolean;
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Whether the last id was a byte token, so that a character may be unfinished. */
  #inBytes = false;

  /** @param idLimit ids from the vocabulary's size up to here are a model's padding rows and decode to nothing */
  constructor(vocabulary: Vocabulary, idLimit: number, options: DecodeOptions = {}) {
    checkOptions('decode', options, { skipSpecial: true });
    this.#vocabulary = vocabulary;
    this.#idLimit = idLimit;
    this.#skipSpecial = options.skipSpecial ?? false;
  }

  /**
   * The text that `id` completes: often its piece, '' while a character is unfinished.
   * @throws DataError for an id that the vocabulary does not have
   */
  push(id: number): string {
    const byte = this.#vocabulary.bytes[id];
    if (byte === undefined) {
      if (id >= this.#vocabulary.size && id < this.#idLimit) return '';
      throw new DataError('token-id', `${id} is no token id: ids are whole numbers from 0 to ${this.#idLimit - 1}`, {
        remedy: 'Decode with the tokenizer of the model that made the ids.',
        fields: { id, size: this.#vocabulary.size },
      });
    }
    if (byte >= 0) {
      this.#inBytes = true;
      return this.#utf8.decode(Uint8Array.of(byte), { stream: true });
    }
    const unfinished = this.flush();
    if (this.#skipSpecial && this.#vocabulary.isSpecial(id)) return unfinished;
    return unfinished + this.#vocabulary.pieces[id]!.text;
  }

  /** Ends the text: U+FFFD for a character that stayed unfinished, otherwise ''. The decoder can then start anew. */
  flush(): string {
    if (!this.#inBytes) return '';
    this.#inBytes = false;
    return this.#utf8.decode();
  }
}
