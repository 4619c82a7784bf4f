// What the importance of channels is measured with: a text in sequences of tokens.
import { DataError, sha256 } from '../../base/index.ts';
import { type Corpus, embeddedText, openCorpus, type Tokenizer } from '../../text/index.ts';

export interface CalibrationText {
  readonly sequences: readonly (readonly number[])[];
  readonly tokens: number;
  /** The files, for the lineage. */
  readonly sources: readonly { readonly name: string; readonly sha256: string }[];
  /** Over the sequences: what was measured with, whatever files it came from. */
  readonly hash: string;
}

/**
 * The first `sequences` of a text: each document begins with BOS and is cut into sequences of `sequenceLength` tokens; a rest of
 * one token is left out. Without files, the text is the novels that come with tsumugi.
 *
 * @throws DataError for files that are missing or hold no text
 */
export async function calibrationText(
  source: readonly string[] | Corpus,
  tokenizer: Tokenizer,
  { sequences, sequenceLength }: { sequences: number; sequenceLength: number },
): Promise<CalibrationText> {
  const corpus = 'documents' in source ? source : openCorpus(source.length > 0 ? source : embeddedText());
  const taken: number[][] = [];
  reading: for await (const { text } of corpus.documents()) {
    const ids = tokenizer.encode(text, { addBos: true, safe: true });
    for (let start = 0; ids.length - start > 1; start += sequenceLength) {
      taken.push([...ids.slice(start, start + sequenceLength)]);
      if (taken.length === sequences) break reading;
    }
  }
  if (taken.length === 0)
    throw new DataError('no-calibration-text', `the text to calibrate with has no sequence of two tokens`, {
      remedy: 'Give a text of some thousand characters.',
    });
  const sources = (await corpus.sources()).map(({ path, sha256: hash }) => ({ name: path, sha256: hash }));
  const tokens = taken.reduce((sum, { length }) => sum + length, 0);
  return { sequences: taken, tokens, sources, hash: sha256(JSON.stringify(taken)) };
}

/** Targets that a sequence predicts. */
export const predictedOf = ({ sequences }: CalibrationText): number =>
  sequences.reduce((sum, { length }) => sum + length - 1, 0);
