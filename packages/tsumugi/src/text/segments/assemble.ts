// Segments → shards: the documents that stay, in the order of the segments, split into those to learn from and those held out.
import { rmSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { DOCUMENTS_FILE, type Manifest, type Totals } from '../manifest.ts';
import { ShardWriter } from '../shard-writer.ts';
import { DocumentSet } from './document-set.ts';
import { heldOutDraws } from './held-out.ts';
import { RECORD_WORDS, recordBlocks, type Segment } from './segment.ts';
import { WordReader } from './word-file.ts';

/** Beside the shards of a part: the records of its documents. */
export const RECORDS_FILE = 'records.bin';

export const noDocuments = (): Totals => ({ documents: 0, characters: 0, bytes: 0, tokens: 0 });

/** What is made of segments. */
export interface Assembly {
  folder: string;
  segments: readonly Segment[];
  dropped: DocumentSet;
  shardTokens: number;
  /** Whether the segments' files are removed once they have been read. */
  consume: boolean;
  onProgress?: ((share: number) => void) | undefined;
}

/** Adds what a record says of its document, or takes it away. */
function accumulate(totals: Totals, block: Uint32Array, at: number, sign: 1 | -1 = 1): void {
  totals.documents += sign;
  totals.tokens += sign * block[at + 5]!;
  totals.characters += sign * block[at + 6]!;
  totals.bytes += sign * block[at + 7]!;
}

/** A document that can be moved to the other split, with the number that was drawn for it. */
interface Candidate {
  draw: number;
  document: number;
  record: Uint32Array;
}

/** Which documents are held out, and what both sides hold. */
export interface Division {
  train: Totals;
  heldOut: Totals;
  heldOutDocuments: DocumentSet;
}

/**
 * A document is held out when its draw falls below the fraction. With two documents or more and a fraction above 0, neither side
 * is left empty: the document whose draw lies nearest goes there.
 */
export async function divide(
  segments: readonly Segment[],
  dropped: DocumentSet,
  { seed, fraction }: { seed: number; fraction: number },
): Promise<Division> {
  const [train, heldOut] = [noDocuments(), noDocuments()];
  const heldOutDocuments = new DocumentSet(segments.reduce((sum, { documents }) => sum + documents, 0));
  const drawOf = heldOutDraws(seed);
  let lowest: Candidate | undefined;
  let highest: Candidate | undefined;
  let document = 0;
  for (const block of recordBlocks(segments)) {
    for (let at = 0; at < block.length; at += RECORD_WORDS, document++) {
      if (dropped.has(document)) continue;
      const draw = drawOf(block[at + 4]!);
      accumulate(draw < fraction ? heldOut : train, block, at);
      if (draw < fraction) heldOutDocuments.add(document);
      const candidate = () => ({ draw, document, record: block.slice(at, at + RECORD_WORDS) });
      if (!lowest || draw < lowest.draw) lowest = candidate();
      if (!highest || draw > highest.draw) highest = candidate();
    }
    await setImmediate();
  }
  const isApart = train.documents + heldOut.documents > 1 && fraction > 0;
  const moved = !isApart ? undefined : heldOut.documents === 0 ? lowest : train.documents === 0 ? highest : undefined;
  if (moved) {
    const toHeldOut = moved === lowest;
    accumulate(toHeldOut ? train : heldOut, moved.record, 0, -1);
    accumulate(toHeldOut ? heldOut : train, moved.record, 0);
    if (toHeldOut) heldOutDocuments.add(moved.document);
    else heldOutDocuments.delete(moved.document);
  }
  return { train, heldOut, heldOutDocuments };
}

/** Writes the shards and the index that training reads. */
export async function writeShards(
  assembly: Assembly,
  { heldOutDocuments }: Division,
): Promise<Pick<Manifest, 'shards' | 'documents'>> {
  const { shards, index } = await copyDocuments(assembly, DOCUMENTS_FILE, (block, at, document) => [
    block[at + 5]!,
    block[at + 6]!,
    heldOutDocuments.has(document) ? 1 : 0,
  ]);
  return { shards, documents: index };
}

/** Writes the shards of a part, and the records of their documents. */
export async function writePartShards(
  assembly: Assembly,
): Promise<{ shards: Manifest['shards']; records: string; totals: Totals }> {
  const totals = noDocuments();
  const { shards, index } = await copyDocuments(assembly, RECORDS_FILE, (block, at) => {
    accumulate(totals, block, at);
    return block.subarray(at, at + RECORD_WORDS);
  });
  return { shards, records: index, totals };
}

/** So many words are copied before others have their turn. */
const STEP_WORDS = 1 << 21;

async function copyDocuments(
  { folder, segments, dropped, shardTokens, consume, onProgress }: Assembly,
  index: string,
  entry: (block: Uint32Array, at: number, document: number) => readonly number[] | Uint32Array,
): Promise<{ shards: Manifest['shards']; index: string }> {
  using writer = new ShardWriter(folder, shardTokens, index);
  const all = segments.reduce((sum, segment) => sum + segment.documents, 0);
  let document = 0;
  let copied = 0;
  for (const segment of segments) {
    using tokens = new WordReader(segment.tokens, 1 << 20);
    for (const block of recordBlocks([segment])) {
      for (let at = 0; at < block.length; at += RECORD_WORDS, document++) {
        const length = block[at + 5]!;
        copied += length;
        if (dropped.has(document)) tokens.pass(length, () => {});
        else {
          writer.begin(entry(block, at, document));
          tokens.pass(length, (words) => writer.write(words));
        }
        if (copied < STEP_WORDS) continue;
        copied = 0;
        onProgress?.(document / all);
        await setImmediate();
      }
    }
    if (consume) for (const file of [...segment.tokens, segment.records]) rmSync(file);
  }
  return writer.finish();
}
