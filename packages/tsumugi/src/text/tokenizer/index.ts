export { type DecodeOptions, StreamDecoder } from './decode.ts';
export { readTokenizerFiles, SPECIAL_NAMES, type SpecialNames, type TokenizerFiles, writeTokenizer } from './format.ts';
export { type Density, type EncodeOptions, Tokenizer, type TokenizerOptions } from './tokenizer.ts';
export { byteText, type Piece, type PieceType, Vocabulary } from './vocabulary.ts';
