// A thread that prepares: it opens the tokenizer by itself, and writes a segment of each thing that it is given to read.
import { parentPort, workerData } from 'node:worker_threads';
import { DataError, sha256File, UserError } from '../../base/index.ts';
import { DigestSet } from '../digest-set.ts';
import { isSoundUtf8, type MendedDocuments, openReading, type Reading, type ReadOptions } from '../sources.ts';
import { readTokenizerFiles } from '../tokenizer/format.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type SegmentCounts, type WrittenSegment, writeSegment } from './write-segment.ts';

export interface ThreadSettings {
  /** File or folder of the tokenizer, and the SHA-256 of the file. */
  tokenizer: string;
  tokenizerHash: string;
  options: ReadOptions;
  /** Named when something cannot be written. */
  place: string;
}

export type ThreadTask =
  | { kind: 'utf8'; file: Reading['file'] }
  /** `base`: see `writeSegment`; `goesOn`: it comes later in the input than all that this thread has read. */
  | { kind: 'segment'; reading: Reading; base: string; goesOn: boolean };

export type ThreadAnswer =
  | { now: SegmentCounts & { bytesRead: number } }
  | { isUtf8: boolean }
  | { written: WrittenSegment; mended: MendedDocuments }
  | { refused: { code: string; message: string; remedy: string | undefined; fields: Record<string, unknown> } }
  | { failed: unknown };

const PROGRESS_INTERVAL_MS = 200;

const { tokenizer: place, tokenizerHash, options, place: folder } = workerData as ThreadSettings;

function openTokenizer(): Tokenizer {
  const { path, pieces, config } = readTokenizerFiles(place);
  if (sha256File(path) !== tokenizerHash)
    throw new DataError('input-changed', `${path} changed while it was used`, {
      remedy: 'Prepare the text again once nothing writes to it.',
      fields: { path },
    });
  return Tokenizer.fromPieces(pieces, { ...config, source: path });
}

let opened: Tokenizer | undefined;
let seen = new DigestSet();

async function segment({ reading, base, goesOn }: ThreadTask & { kind: 'segment' }): Promise<ThreadAnswer> {
  opened ??= openTokenizer();
  if (!goesOn) seen = new DigestSet();
  const corpus = openReading(reading, options);
  let next = 0;
  const onDocument = (counts: SegmentCounts) => {
    const now = performance.now();
    if (now < next) return;
    next = now + PROGRESS_INTERVAL_MS;
    tell({ now: { ...counts, bytesRead: corpus.bytesRead } });
  };
  const written = await writeSegment(corpus.documents(), base, opened, folder, onDocument, seen);
  return { written, mended: corpus.mended };
}

const tell = (answer: ThreadAnswer) => parentPort!.postMessage(answer);

async function answer(task: ThreadTask): Promise<ThreadAnswer> {
  try {
    return task.kind === 'utf8' ? { isUtf8: await isSoundUtf8(task.file, options) } : await segment(task);
  } catch (error) {
    if (!(error instanceof UserError)) return { failed: error };
    const { code, fault, remedy, fields } = error;
    return { refused: { code, message: fault, remedy, fields } };
  }
}

parentPort!.on('message', async (task: ThreadTask) => tell(await answer(task)));
