// A text to calibrate with, in pieces of tokens.
import { DataError } from '../../base/index.ts';
import { readDocuments, type Tokenizer } from '../../text/index.ts';

interface CalibrationOptions {
  /** Tokens of a piece. */
  sequenceLength?: number;
  /** Tokens at most. */
  maxTokens?: number;
  /** Documents are taken whole, piece after piece; otherwise only their beginnings. Default: false. */
  whole?: boolean;
}

/**
 * The beginning of each document in files and folders, with BOS, or all of it in pieces, until there are enough tokens.
 *
 * @throws DataError for files that are missing or hold no text
 */
export async function calibrationTexts(
  paths: readonly string[],
  tokenizer: Tokenizer,
  { sequenceLength = 512, maxTokens = 65_536, whole = false }: CalibrationOptions = {},
): Promise<number[][]> {
  const texts: number[][] = [];
  let tokens = 0;
  reading: for await (const { text } of readDocuments(paths)) {
    const ids = tokenizer.encode(text, { addBos: true, safe: true });
    const end = whole ? ids.length : 1;
    for (let start = 0; start < end; start += sequenceLength) {
      const piece = ids.slice(start, start + Math.min(sequenceLength, maxTokens - tokens));
      texts.push(piece);
      tokens += piece.length;
      if (tokens >= maxTokens) break reading;
    }
  }
  if (texts.length === 0)
    throw new DataError('no-calibration-text', `there is no text in ${paths.join(', ')}`, {
      remedy: 'Give a text of some thousand characters.',
    });
  return texts;
}
