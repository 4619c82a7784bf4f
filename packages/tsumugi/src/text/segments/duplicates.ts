// Exact duplicates among any number of documents, in bounded memory: digests are sorted in runs as large as the memory allows, the
// runs are written to the disk and merged. Of equal documents the first in the order of the input stays.
//
//   memory   24 bytes a document of a run while it is sorted, then a buffer for each run that is merged; besides, always 1 bit a
//            document for the result
//   disk     24 bytes a document, only when there is more than one run
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ConfigError, writingAt } from '../../base/index.ts';
import { DocumentSet } from './document-set.ts';
import { RECORD_WORDS, recordBlocks, type Segment } from './segment.ts';
import { WordReader, WordWriter } from './word-file.ts';

/** Memory for finding duplicates when none is given. */
export const DEDUP_MEMORY = 2 ** 30;
/** With less, runs would be too many. */
export const LEAST_DEDUP_MEMORY = 2 ** 20;

/** Of a document while it is sorted: four words of digest, and 8 bytes that are sorted. */
const BYTES_IN_RUN = 24;
/** Words of an entry of a run on the disk: four of digest, the document's number low and high. */
const RUN_WORDS = 6;
/** A run that is merged has a buffer of so many bytes at least; at most so many are merged at once, as each is an open file. */
const LEAST_BUFFER = 1 << 16;
const MOST_RUNS = 128;

/** @throws ConfigError when it is no size, or too small */
export function checkDedupMemory(bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes >= LEAST_DEDUP_MEMORY) return bytes;
  throw new ConfigError('dedup-memory', `the memory for finding duplicates should be at least 1 MiB but is ${bytes}`, {
    remedy: 'Give some hundred MiB: 24 bytes for each document are sorted without the disk.',
    fields: { received: bytes },
  });
}

/**
 * All but the first of equal documents.
 *
 * @param folder for what is written on the way; it is made when it is needed, and removed
 * @param memory bytes, 1 MiB at least
 */
export async function findDuplicates(
  segments: readonly Segment[],
  folder: string,
  memory: number,
  mostRuns = MOST_RUNS,
): Promise<DocumentSet> {
  const documents = segments.reduce((sum, segment) => sum + segment.documents, 0);
  const dropped = new DocumentSet(documents);
  const capacity = Math.min(documents, Math.floor(checkDedupMemory(memory) / BYTES_IN_RUN));
  let runs: string[] = [];
  let made = 0;
  const newRun = () => {
    writingAt(folder, () => mkdirSync(folder, { recursive: true }));
    return join(folder, `run-${made++}`);
  };
  await sortRuns(segments, capacity, dropped, (run) => {
    if (capacity < documents) runs.push(writeRun(newRun(), folder, run));
  });
  const fanIn = Math.max(2, Math.min(mostRuns, Math.floor(memory / LEAST_BUFFER) - 1));
  while (runs.length > 1) {
    const merged: string[] = [];
    for (let from = 0; from < runs.length; from += fanIn) {
      const group = runs.slice(from, from + fanIn);
      const isLast = runs.length <= fanIn;
      const path = isLast ? undefined : newRun();
      await mergeRuns(group, memory, dropped, folder, path);
      for (const run of group) rmSync(run);
      if (path !== undefined) merged.push(path);
    }
    runs = merged;
  }
  rmSync(folder, { recursive: true, force: true });
  return dropped;
}

/** Documents sorted by their digests; of equal ones the first alone. */
interface SortedRun {
  /** Number of the document that its first place was filled with. */
  first: number;
  /** Digests in the order of the documents, and these in the order of the digests. */
  digests: Uint32Array;
  order: Uint32Array;
}

async function sortRuns(
  segments: readonly Segment[],
  capacity: number,
  dropped: DocumentSet,
  take: (run: SortedRun) => void,
): Promise<void> {
  const digests = new Uint32Array(4 * capacity);
  const keys = new BigUint64Array(capacity);
  let [first, filled] = [0, 0];
  const sort = () => {
    const run = { first, digests, order: sortedOrder(digests, keys, filled, (i) => dropped.add(first + i)) };
    take(run);
    first += filled;
    filled = 0;
  };
  for (const block of recordBlocks(segments)) {
    for (let at = 0; at < block.length; at += RECORD_WORDS) {
      for (let word = 0; word < 4; word++) digests[4 * filled + word] = block[at + word]!;
      if (++filled === capacity) sort();
    }
    await setImmediate();
  }
  if (filled > 0) sort();
}

/**
 * The places of the first `filled` digests in ascending order, as a view of `keys`' memory; `onCopy` is told the place of each that
 * equals an earlier one, which is left out. The first word of a digest and its place make one number of 64 bits, so that the
 * sorting is the machine's own; digests whose first words are equal, which are few unless they are copies, are put in order after.
 */
function sortedOrder(
  digests: Uint32Array,
  keys: BigUint64Array,
  filled: number,
  onCopy: (place: number) => void,
): Uint32Array {
  const halves = new Uint32Array(keys.buffer);
  for (let i = 0; i < filled; i++) {
    halves[2 * i] = i;
    halves[2 * i + 1] = digests[4 * i]!;
  }
  keys.subarray(0, filled).sort();
  let kept = 0;
  for (let from = 0; from < filled; ) {
    const word = halves[2 * from + 1]!;
    let to = from + 1;
    while (to < filled && halves[2 * to + 1] === word) to++;
    if (to === from + 1) halves[kept++] = halves[2 * from]!;
    else {
      // The halves up to 2 · from are free: what is kept never catches up with what is read.
      const places = Uint32Array.from({ length: to - from }, (_, i) => halves[2 * (from + i)]!);
      places.sort((a, b) => compareDigests(digests, 4 * a, digests, 4 * b) || a - b);
      for (const [i, place] of places.entries())
        if (i > 0 && compareDigests(digests, 4 * places[i - 1]!, digests, 4 * place) === 0) onCopy(place);
        else halves[kept++] = place;
    }
    from = to;
  }
  return halves.subarray(0, kept);
}

function compareDigests(a: Uint32Array, atA: number, b: Uint32Array, atB: number): number {
  for (let word = 0; word < 4; word++) {
    const difference = a[atA + word]! - b[atB + word]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function writeRun(path: string, place: string, { first, digests, order }: SortedRun): string {
  using writer = new WordWriter(place, path);
  for (const i of order) {
    writer.write(digests.subarray(4 * i, 4 * i + 4));
    const document = first + i;
    writer.push(document >>> 0);
    writer.push(Math.floor(document / 2 ** 32));
  }
  writer.finish();
  return path;
}

/** A run that is being merged: the entry it stands at. */
class RunCursor implements Disposable {
  readonly #reader: WordReader;
  readonly #bufferWords: number;
  #block: Uint32Array = new Uint32Array(0);
  #at = 0;
  readonly number: number;

  constructor(path: string, number: number, bufferWords: number) {
    this.#reader = new WordReader([path], bufferWords);
    this.#bufferWords = bufferWords;
    this.number = number;
  }

  /** Goes to the next entry; false at the end. */
  next(): boolean {
    this.#at += RUN_WORDS;
    if (this.#at < this.#block.length) return true;
    this.#block = this.#reader.next(this.#bufferWords);
    this.#at = 0;
    return this.#block.length > 0;
  }

  get entry(): Uint32Array {
    return this.#block.subarray(this.#at, this.#at + RUN_WORDS);
  }

  get document(): number {
    return this.#block[this.#at + 4]! + this.#block[this.#at + 5]! * 2 ** 32;
  }

  /** Ascending digests; of equal ones that of the earlier run, whose documents all come earlier. */
  isBefore(other: RunCursor): boolean {
    const difference = compareDigests(this.#block, this.#at, other.#block, other.#at);
    return difference < 0 || (difference === 0 && this.number < other.number);
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }
}

/** Goes through runs, which stand in the order of their documents, drops what is in an earlier one, and writes the rest as a run. */
async function mergeRuns(
  paths: readonly string[],
  memory: number,
  dropped: DocumentSet,
  place: string,
  into: string | undefined,
): Promise<void> {
  using stack = new DisposableStack();
  const words = Math.min(2 ** 20, Math.floor(memory / (paths.length + 1) / 4));
  const bufferWords = words - (words % RUN_WORDS);
  const writer =
    into === undefined ? undefined : stack.use(new WordWriter(place, into, { buffer: new Uint32Array(bufferWords) }));
  const heap: RunCursor[] = [];
  for (const [number, path] of paths.entries()) {
    const cursor = stack.use(new RunCursor(path, number, bufferWords));
    if (cursor.next()) heap.push(cursor);
  }
  heap.sort((a, b) => (a.isBefore(b) ? -1 : 1));
  const last = new Uint32Array(RUN_WORDS);
  let any = false;
  for (let entries = 1; heap.length > 0; entries++) {
    const [least] = heap as [RunCursor];
    const { entry } = least;
    if (any && compareDigests(entry, 0, last, 0) === 0) dropped.add(least.document);
    else {
      last.set(entry);
      any = true;
      writer?.write(entry);
    }
    if (!least.next()) {
      const tail = heap.pop()!;
      if (heap.length > 0) heap[0] = tail;
    }
    sink(heap);
    if (entries % 2 ** 16 === 0) await setImmediate();
  }
  writer?.finish();
}

/** Puts the first of a heap where it belongs. */
function sink(heap: RunCursor[]): void {
  for (let at = 0; ; ) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2])
      if (child < heap.length && heap[child]!.isBefore(heap[least]!)) least = child;
    if (least === at) return;
    [heap[at], heap[least]] = [heap[least]!, heap[at]!];
    at = least;
  }
}
