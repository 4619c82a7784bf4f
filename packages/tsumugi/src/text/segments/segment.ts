// A segment: documents on their way into shards. Their tokens lie one document behind the other, BOS first; a record for each tells
// what decides over it, so that duplicates are found and splits are drawn without looking at a text again.
//
//   word 0–3   the first 16 bytes of the text's SHA-256: what tells documents apart
//   word 4     the next 4, from which the held-out draw is made
//   word 5–7   tokens (BOS included), characters (Unicode code points), bytes (of UTF-8)

import { WordReader } from './word-file.ts';

export const RECORD_WORDS = 8;

export interface Segment {
  /** Files of tokens, in order. */
  readonly tokens: readonly string[];
  readonly records: string;
  readonly documents: number;
}

/** A buffer of whole records. */
const RECORDS_BUFFER = RECORD_WORDS << 13;

/** The records of all segments, in blocks of whole ones that are valid until the next is asked for. */
export function* recordBlocks(segments: readonly Segment[]): Generator<Uint32Array> {
  using reader = new WordReader(
    segments.map(({ records }) => records),
    RECORDS_BUFFER,
  );
  for (let block = reader.next(RECORDS_BUFFER); block.length > 0; block = reader.next(RECORDS_BUFFER)) yield block;
}
