// The work of one thread: documents → cleaned, without empty ones and those that were there already, tokenized → a segment.
import { hash } from 'node:crypto';
import { invariant } from '../../base/index.ts';
import { DigestSet } from '../digest-set.ts';
import type { Encoder } from '../encoder.ts';
import type { TextDocument } from '../sources.ts';
import { cleanText } from '../split.ts';
import type { Segment } from './segment.ts';
import { WordWriter } from './word-file.ts';

/**
 * Of so many documents a thread remembers the digests, 32 to 64 bytes each. It spares it the encoding of what is dropped anyway:
 * which copies are dropped is decided over all segments (duplicates.ts).
 */
const REMEMBERED = 1 << 18;

export interface SegmentCounts {
  documents: number;
  characters: number;
  tokens: number;
  duplicates: number;
  empty: number;
}

export interface WrittenSegment extends SegmentCounts {
  segment: Segment;
}

/** Unicode code points in a well-formed string. */
function countCharacters(text: string): number {
  let pairs = 0;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xd800) pairs++;
  return text.length - pairs;
}

/**
 * @param seen digests of documents that come before these in the input: copies of them are left out
 * @param base the segment's files are called `<base>.tokens` and `<base>.records`
 * @param place named when they cannot be written
 */
export async function writeSegment(
  documents: AsyncIterable<TextDocument>,
  base: string,
  encoder: Encoder,
  place: string,
  onDocument: (counts: Readonly<SegmentCounts>) => void = () => {},
  seen = new DigestSet(),
): Promise<WrittenSegment> {
  const files = { tokens: `${base}.tokens`, records: `${base}.records` };
  using tokens = new WordWriter(place, files.tokens);
  using records = new WordWriter(place, files.records);
  const counts: SegmentCounts = { documents: 0, characters: 0, tokens: 0, duplicates: 0, empty: 0 };
  for await (const document of documents) {
    const text = cleanText(document.text);
    if (!/\S/.test(text)) {
      counts.empty++;
      continue;
    }
    const digest = hash('sha256', text, 'buffer');
    if (seen.size < REMEMBERED ? !seen.add(digest) : seen.has(digest)) {
      counts.duplicates++;
      continue;
    }
    const ids = encoder.encode(text, { addBos: false, safe: true });
    invariant(ids.length > 0, `the tokenizer made no tokens of a document of ${document.source}`);
    tokens.push(encoder.bosId);
    tokens.write(ids as Uint32Array | readonly number[]);
    const characters = countCharacters(text);
    for (let word = 0; word < 5; word++) records.push(digest.readUInt32LE(4 * word));
    records.push(ids.length + 1);
    records.push(characters);
    records.push(Buffer.byteLength(text));
    counts.documents++;
    counts.characters += characters;
    counts.tokens += ids.length + 1;
    onDocument(counts);
  }
  tokens.finish();
  records.finish();
  return { ...counts, segment: { tokens: [files.tokens], records: files.records, documents: counts.documents } };
}
