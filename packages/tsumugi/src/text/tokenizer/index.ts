export { type DecodeOptions, StreamDecoder } from './decode.ts';
export {
  readTokenizerFiles,
  renderPieces,
  renderTokenizer,
  SPECIAL_NAMES,
  type SpecialNames,
  type TokenizerFiles,
  writeTokenizer,
} from './format.ts';
export { type Density, type EncodeOptions, Tokenizer, type TokenizerOptions } from './tokenizer.ts';
export { type TrainingProgress, type TrainTokenizerOptions, trainTokenizer } from './train.ts';
export { TrainingText } from './training-text.ts';
export { byteText, ggufPieceTypes, type Piece, type PieceType, Vocabulary } from './vocabulary.ts';
