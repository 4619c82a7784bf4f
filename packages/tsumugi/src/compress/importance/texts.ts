// A text to calibrate with, in pieces of tokens.
import { DataError } from '../../base/index.ts';
import { readDocuments, type Tokenizer } from '../../text/index.ts';

export interface CalibrationOptions {
  /** Tokens of a piece. */
  sequenceLength?: number;
  /** Tokens at most. */
  maxTokens?: number;
}

/**
 * The beginning of each document in files and folders, with BOS, until there are enough tokens.
 *
 * @throws DataError for files that are missing or hold no text
 */
export async function calibrationTexts(
  paths: readonly string[],
  tokenizer: Tokenizer,
  { sequenceLength = 512, maxTokens = 65_536 }: CalibrationOptions = {},
): Promise<number[][]> {
  const texts: number[][] = [];
  let tokens = 0;
  for await (const { text } of readDocuments(paths)) {
    const ids = tokenizer
      .encode(text, { addBos: true, safe: true })
      .slice(0, Math.min(sequenceLength, maxTokens - tokens));
    texts.push(ids);
    tokens += ids.length;
    if (tokens >= maxTokens) break;
  }
  if (texts.length === 0)
    throw new DataError('no-calibration-text', `there is no text in ${paths.join(', ')}`, {
      remedy: 'Give a text of some thousand characters.',
    });
  return texts;
}
