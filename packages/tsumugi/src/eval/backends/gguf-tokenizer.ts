// Text to ids and back for a GGUF model. PLaMo 2 files are read by this project's tokenizer, made from the pieces in the file:
// llama.cpp's lets control pieces be spelled by any text and drops a byte order mark (seen with llama.cpp 0.5.0).

import type { LlamaModel, Token } from '../../lm/index.ts';
import { ggufPieceTypes, type Piece, SPECIAL_NAMES, Tokenizer } from '../../text/index.ts';
import type { CheckedGguf } from './gguf-check.ts';

export interface GgufTokenizer {
  /** Without BOS. Special pieces spelled in a text do not match. */
  encode(text: string): Token[];
  /** Special pieces are written as their names; U+FFFD stands for a character that is not whole. */
  decode(tokens: readonly Token[]): string;
  /** As `decode`, without a character that the end cuts. */
  wholeCharacters(tokens: readonly Token[]): string;
  /** Characters that the tokens complete. */
  characters(tokens: readonly Token[]): number;
  /** This project's, for its models. */
  readonly own?: Tokenizer;
}

export function llamaTokenizer(model: LlamaModel): GgufTokenizer {
  const decode = (tokens: readonly Token[]) => model.detokenize(tokens, true);
  const wholeCharacters = (tokens: readonly Token[]) => decode(tokens).replace(/\ufffd+$/, '');
  return {
    encode: (text) => model.tokenize(text),
    decode,
    wholeCharacters,
    characters: (tokens) => [...wholeCharacters(tokens)].length,
  };
}

/** @throws FormatError when the file's pieces are no vocabulary of PLaMo 2 */
export function plamo2Tokenizer({ path, pieces: texts, scores, tokenTypes, ids }: CheckedGguf): GgufTokenizer {
  const pieces = texts.map(
    (text, id): Piece => ({ text, score: scores[id] ?? 0, type: ggufPieceTypes[tokenTypes[id] ?? 1] ?? 'NORMAL' }),
  );
  // Rows of the embedding that no piece has; converters name them so.
  const own = pieces.findLastIndex(({ text }) => !/^\[PAD\d+\]$/.test(text)) + 1;
  const named = (role: 'bos' | 'eos') => texts[ids[role] ?? -1] ?? SPECIAL_NAMES[role];
  const tokenizer = Tokenizer.fromPieces(pieces.slice(0, own), {
    modelVocabSize: pieces.length,
    names: { bos: named('bos'), eos: named('eos') },
    source: path,
  });
  const wholeCharacters = (tokens: readonly Token[]) => {
    const decoder = tokenizer.decoder();
    return tokens.map((token) => decoder.push(token)).join('');
  };
  return {
    encode: (text) => tokenizer.encode(text, { safe: true }),
    decode: (tokens) => tokenizer.decode(tokens),
    wholeCharacters,
    characters: (tokens) => [...wholeCharacters(tokens)].length,
    own: tokenizer,
  };
}
