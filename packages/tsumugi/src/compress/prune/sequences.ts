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
 * `sequences` of a text, spread evenly over it: each document begins with BOS and is cut into sequences of `sequenceLength` tokens; a
 * rest of one token is left out. Of many documents, every second, fourth, … is cut, so that a long text is read but not encoded.
 * Without files, the text is the novels that come with tsumugi.
 *
 * @throws DataError for files that are missing or hold no text
 */
export async function calibrationText(
  source: readonly string[] | Corpus,
  tokenizer: Tokenizer,
  { sequences, sequenceLength }: { sequences: number; sequenceLength: number },
): Promise<CalibrationText> {
  const corpus = 'documents' in source ? source : openCorpus(source.length > 0 ? source : embeddedText());
  const found: number[][] = [];
  for (const text of await everySo(corpus.documents(), 4 * sequences)) {
    const ids = tokenizer.encode(text, { addBos: true, safe: true });
    for (let start = 0; ids.length - start > 1; start += sequenceLength)
      found.push([...ids.slice(start, start + sequenceLength)]);
  }
  if (found.length === 0)
    throw new DataError('no-calibration-text', `the text to calibrate with has no sequence of two tokens`, {
      remedy: 'Give a text of some thousand characters.',
    });
  const taken = evenly(found, sequences);
  const sources = (await corpus.sources()).map(({ path, sha256: hash }) => ({ name: path, sha256: hash }));
  const tokens = taken.reduce((sum, { length }) => sum + length, 0);
  return { sequences: taken, tokens, sources, hash: sha256(JSON.stringify(taken)) };
}

/** All documents when there are at most `limit`, else every 2ⁿ-th from the first: more than half of `limit`. */
async function everySo(documents: AsyncIterable<{ readonly text: string }>, limit: number): Promise<string[]> {
  let [kept, step, index]: [string[], number, number] = [[], 1, 0];
  for await (const { text } of documents) {
    if (index++ % step !== 0) continue;
    kept.push(text);
    if (kept.length <= limit) continue;
    kept = kept.filter((_, i) => i % 2 === 0);
    step *= 2;
  }
  return kept;
}

/** The middle of each of `count` equal parts; all when there are no more. */
function evenly<T>(all: readonly T[], count: number): readonly T[] {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / count)]!);
}

/** Targets that a sequence predicts. */
export const predictedOf = ({ sequences }: CalibrationText): number =>
  sequences.reduce((sum, { length }) => sum + length - 1, 0);
