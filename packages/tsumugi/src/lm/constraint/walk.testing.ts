// For tests: a vocabulary with pieces that cross what grammars are made of, and walks through grammars with it.
import { type AnswerFormat, byteText, grammarOf, type Piece, SPECIAL_NAMES, Tokenizer } from '../../text/index.ts';
import { Grammars } from './grammars.ts';
import type { TokenConstraint } from './token-constraint.ts';

const crossing = [
  ...'0123456789abcdefghijklmnopqrstuvwxyz{}[]:,.-_" \\\n猫犬キー名前年齢',
  '{"', '":', '": ', '": "', '", "', '"}', '"},', ', ', '[1', '],', '12', '999', 'true', 'false', 'null', '-1', '0.', 'e1', 'ab', 'abc',
  '猫"', '"猫', '猫が', '名前": "', '}]', '}}', '  ', '\n\n', 'x', 'y"', '▁', 'A', 'Z', '@', '/', 'T', '+', '😀', '"a": 1', '<tool_call>', '</tool_call>',
]; // biome-ignore format: pieces

const pieces: Piece[] = [
  { text: SPECIAL_NAMES.unk, score: 0, type: 'UNKNOWN' },
  ...[SPECIAL_NAMES.bos, SPECIAL_NAMES.eos, SPECIAL_NAMES.pad, SPECIAL_NAMES.op].map(
    (text): Piece => ({ text, score: 0, type: 'CONTROL' }),
  ),
  ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
  ...[...new Set(crossing)].map((text): Piece => ({ text, score: -1, type: 'NORMAL' })),
];

/** Rows of the model that no piece has. */
export const PADDING = 7;
export const tokenizer = Tokenizer.fromPieces(pieces, { modelVocabSize: pieces.length + PADDING });

/** What each id writes; nothing for what is no text. */
export const written: (Uint8Array | undefined)[] = pieces.map(({ text, type }, id) => {
  if (type === 'BYTE') return Uint8Array.of(id - 5);
  return type === 'NORMAL' ? new TextEncoder().encode(text) : undefined;
});

/** The ids that may come next. */
export function allowed(constraint: TokenConstraint): number[] {
  const logits = new Float32Array(tokenizer.idLimit);
  constraint.mask(logits);
  return [...logits.keys()].filter((id) => logits[id] === 0);
}

/** Whether a text may be written, byte by byte, and end there. */
export async function accepts(grammars: Grammars, format: AnswerFormat, text: string): Promise<boolean> {
  using constraint = await grammars.constrain(grammarOf(format), [tokenizer.eosId]);
  // In bytes: which longer pieces may follow is another matter.
  for (const byte of Buffer.from(text)) {
    const id = tokenizer.vocabulary.byteIds[byte]!;
    if (constraint.finished || !allowed(constraint).includes(id)) return false;
    constraint.take(id);
  }
  return constraint.finished || allowed(constraint).includes(tokenizer.eosId);
}

export const grammarsOfTest = (options = {}): Grammars => new Grammars(tokenizer, options);
