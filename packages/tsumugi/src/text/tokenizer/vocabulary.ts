// The pieces of a PLaMo 2 tokenizer and what must hold of them. The id of a piece is its place in the list, which is the
// 0-based line number of the file. Types: NORMAL is text; CONTROL marks structure (<|plamo:bos|>, …); UNKNOWN stands for
// what has no id; BYTE is one byte of the UTF-8 of a character that no piece covers, and never matches text.
import { FormatError, parseJson } from '../../base/index.ts';
import { MAX_PIECE_UNITS, MAX_PIECES } from '../limits.ts';

const PIECE_TYPES = ['NORMAL', 'CONTROL', 'UNKNOWN', 'BYTE'] as const;
export type PieceType = (typeof PIECE_TYPES)[number];

/** By the numbers that GGUF gives them: normal, unknown, control, user-defined, unused, byte. */
export const ggufPieceTypes: readonly (PieceType | undefined)[] = [
  undefined,
  'NORMAL',
  'UNKNOWN',
  'CONTROL',
  'NORMAL',
  'CONTROL',
  'BYTE',
];

export interface Piece {
  readonly text: string;
  /** A natural-log probability, for pieces made by training; any finite number is allowed. */
  readonly score: number;
  readonly type: PieceType;
}

/** Scores are compared as integers: score · 10,000, rounded half to even. */
export const SCORE_SCALE = 10_000;

/** The text of the byte token for `byte`: `<0x00>` … `<0xFF>`. */
export function byteText(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** The integer cost of a score: −round(score · 10,000), where a half goes to the even neighbour. */
export function costOf(score: number): number {
  const scaled = score * SCORE_SCALE;
  const rounded = Math.abs(scaled % 1) === 0.5 ? 2 * Math.round(scaled / 2) : Math.round(scaled);
  return 0 - rounded;
}

/** A checked list of pieces with the look-ups that encoding and decoding need. */
export class Vocabulary {
  readonly pieces: readonly Piece[];
  /** The id of each of the 256 byte tokens. */
  readonly byteIds: Int32Array;
  /** The byte of each piece, or −1 for pieces that are not byte tokens. */
  readonly bytes: Int16Array;
  /** The id of the (first) UNKNOWN piece. */
  readonly unkId: number;
  readonly #ids = new Map<string, number>();

  /**
   * @param source the file the pieces were read from, one per line; named in errors
   * @throws FormatError naming the first piece that breaks the format
   */
  constructor(pieces: readonly Piece[], source?: string) {
    if (pieces.length > MAX_PIECES) {
      throw new FormatError('tokenizer-too-large', `${source ?? 'the vocabulary'} has ${pieces.length} pieces`, {
        remedy: `A vocabulary has at most ${MAX_PIECES}.`,
        fields: { source, pieces: pieces.length, limit: MAX_PIECES },
      });
    }
    this.pieces = pieces;
    this.byteIds = new Int32Array(256).fill(-1);
    this.bytes = new Int16Array(pieces.length).fill(-1);
    let unkId = -1;
    for (let id = 0; id < pieces.length; id++) {
      const { text, score, type } = pieces[id]!;
      const refuse = (fault: string) => malformed(source, id, `${JSON.stringify(text)} ${fault}`);
      if (text.length > MAX_PIECE_UNITS) {
        throw malformed(source, id, `the piece has ${text.length} characters, more than ${MAX_PIECE_UNITS}`);
      }
      if (text === '') throw malformed(source, id, 'the piece is an empty string');
      if (!text.isWellFormed()) throw refuse('holds half of a surrogate pair, which no UTF-8 text can');
      if (!(Math.abs(costOf(score)) < 2 ** 31)) throw refuse(`has the score ${score}; it must lie within ±214748`);
      const earlier = this.#ids.get(text);
      if (earlier !== undefined) throw refuse(`already is piece ${earlier}; every piece must be different`);
      this.#ids.set(text, id);
      if (type === 'BYTE') {
        if (!/^<0x[0-9A-F]{2}>$/.test(text)) throw refuse('is of type BYTE, but not of the form <0x00> … <0xFF>');
        const byte = Number.parseInt(text.slice(3, 5), 16);
        this.byteIds[byte] = id;
        this.bytes[id] = byte;
      } else if (type === 'UNKNOWN' && unkId < 0) unkId = id;
    }
    const file = source ?? 'the vocabulary';
    const missing = this.byteIds.indexOf(-1);
    if (missing >= 0) {
      throw new FormatError('tokenizer-byte-missing', `${file}: the byte token ${byteText(missing)} is missing`, {
        remedy: 'A vocabulary needs all 256 byte tokens, so that any text can be encoded.',
        fields: { source, byte: missing },
      });
    }
    if (unkId < 0) {
      throw new FormatError('tokenizer-unknown-missing', `${file}: no piece is of type UNKNOWN`, {
        remedy: 'A vocabulary needs one, usually ["<|plamo:unk|>", 0.0, "UNKNOWN"] as its first line.',
        fields: { source },
      });
    }
    this.unkId = unkId;
  }

  get size(): number {
    return this.pieces.length;
  }

  /** The id of the piece with exactly this text, or undefined. */
  idOf(text: string): number | undefined {
    return this.#ids.get(text);
  }

  /** Whether the piece marks structure and is no text: CONTROL or UNKNOWN. */
  isSpecial(id: number): boolean {
    const { type } = this.pieces[id]!;
    return type === 'CONTROL' || type === 'UNKNOWN';
  }
}

/**
 * Reads the lines of a tokenizer.jsonl: `[piece, score, type, …]`; further elements are ignored.
 * @throws FormatError with the path and the 1-based number of the line that is wrong
 */
export function parsePieces(jsonl: string, source: string): Piece[] {
  const lines = jsonl.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, id) => {
    let row: unknown;
    try {
      row = parseJson(line);
    } catch (cause) {
      throw malformed(source, id, `is not JSON: ${(cause as Error).message}`, cause);
    }
    if (!Array.isArray(row)) throw malformed(source, id, 'is not a JSON array [piece, score, type, …]');
    const [text, score, type] = row as unknown[];
    if (typeof text !== 'string') throw malformed(source, id, `the piece is ${JSON.stringify(text)}, not a string`);
    if (typeof score !== 'number') throw malformed(source, id, `the score is ${JSON.stringify(score)}, not a number`);
    if (!PIECE_TYPES.includes(type as PieceType)) {
      throw malformed(source, id, `the type is ${JSON.stringify(type)}, not one of ${PIECE_TYPES.join(', ')}`);
    }
    return { text, score, type: type as PieceType };
  });
}

function malformed(source: string | undefined, id: number, fault: string, cause?: unknown): FormatError {
  const where = source === undefined ? `piece ${id}` : `${source}, line ${id + 1}`;
  return new FormatError('tokenizer-piece', `${where}: ${fault}`, {
    remedy: 'Get the tokenizer.jsonl again from where the model came from.',
    fields: { source, line: id + 1 },
    cause,
  });
}
