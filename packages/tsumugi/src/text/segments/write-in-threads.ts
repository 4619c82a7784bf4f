// Segments of many files, written by several threads at once: each takes the next file, the largest first, or some lines of a very
// large one. Which thread wrote what, and when, shows nowhere: the segments come back in the order of the files.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DataError, moduleBeside, writingAt } from '../../base/index.ts';
import { type MendedDocuments, openReading, type Reading, type ThreadedReading } from '../sources.ts';
import { lineRanges, linesBefore, mayBeCut } from './ranges.ts';
import type { ThreadAnswer, ThreadSettings, ThreadTask } from './thread.ts';
import type { SegmentCounts, WrittenSegment } from './write-segment.ts';

export interface InThreads {
  threads: number;
  tokenizer: string;
  tokenizerHash: string;
  /** Where the segments are written. */
  folder: string;
  place: string;
  /** Told what was read so far, of all. */
  onProgress: (now: SegmentCounts) => void;
  /** Bytes between two cuts of a large file; that of `ranges.ts` unless given. */
  rangeBytes?: number | undefined;
}

/** Something to be read, and what came of it. */
interface Job {
  reading: Reading;
  /** The number of its file in the order of the input. */
  file: number;
  written?: WrittenSegment;
  mended?: MendedDocuments;
}

type Segmented = Extract<ThreadAnswer, { written: unknown }>;

/** A thread of its own with one task at a time. */
class SegmentThread {
  readonly #worker: Worker;
  #onNow: ((now: SegmentCounts & { bytesRead: number }) => void) | undefined;
  #settle: { resolve: (answer: ThreadAnswer) => void; reject: (error: unknown) => void } | undefined;

  constructor(settings: ThreadSettings) {
    this.#worker = new Worker(moduleBeside('./thread', import.meta.url), { workerData: settings, execArgv: [] });
    this.#worker.on('message', (answer: ThreadAnswer) => {
      if ('now' in answer) this.#onNow?.(answer.now);
      else this.#settle?.resolve(answer);
    });
    this.#worker.on('error', (error) => this.#settle?.reject(error));
    this.#worker.on('exit', (code) => this.#settle?.reject(new Error(`a thread that prepares ended with ${code}`)));
  }

  /** @throws what the task threw */
  async ask(task: ThreadTask, onNow?: (now: SegmentCounts & { bytesRead: number }) => void): Promise<ThreadAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ThreadAnswer>();
    this.#settle = { resolve, reject };
    this.#onNow = onNow;
    this.#worker.postMessage(task);
    const answer = await promise;
    if ('failed' in answer) throw answer.failed;
    if (!('refused' in answer)) return answer;
    const { code, message, remedy, fields } = answer.refused;
    throw new DataError(code, message, { ...(remedy !== undefined && { remedy }), fields });
  }

  async end(): Promise<void> {
    this.#settle = undefined;
    await this.#worker.terminate();
  }
}

/** Whether all of a job comes earlier in the input than all of another. */
const isBefore = (a: Job, b: Job): boolean =>
  a.file < b.file || (a.file === b.file && (a.reading.range?.[0] ?? 0) < (b.reading.range?.[0] ?? 0));

/** @throws what one thread would throw for the same files, of several mistakes the one that is found first */
export async function writeInThreads(reading: ThreadedReading, options: InThreads): Promise<WrittenSegment[]> {
  const { threads, folder, place, tokenizer, tokenizerHash, onProgress, rangeBytes } = options;
  writingAt(place, () => mkdirSync(folder, { recursive: true }));
  const settings = { tokenizer, tokenizerHash, options: reading.options, place };
  const pool = Array.from({ length: threads }, () => new SegmentThread(settings));
  try {
    const queue = new JobQueue(reading.files, rangeBytes);
    const totals = new Totals(reading, onProgress);
    let made = 0;
    await Promise.all(
      pool.map(async (thread) => {
        let last: Job | undefined;
        for (let job = await queue.next(thread); job; job = await queue.next(thread)) {
          const { reading: wanted } = job;
          const goesOn = last !== undefined && isBefore(last, job);
          last = job;
          const base = join(folder, String(made++));
          const onNow = (now: SegmentCounts & { bytesRead: number }) => totals.set(job!, now);
          const answer = await asAlone(wanted, reading, () =>
            thread.ask({ kind: 'segment', reading: wanted, base, goesOn }, onNow),
          );
          const { written, mended } = answer as Segmented;
          Object.assign(job, { written, mended });
          const { file, range = [0, file.bytes] } = wanted;
          totals.set(job, { ...written, bytesRead: range[1] - range[0] });
        }
      }),
    );
    const jobs = queue.jobs();
    reading.mended(mendedOf(jobs));
    return jobs.map(({ written }) => written!);
  } finally {
    await Promise.all(pool.map((thread) => thread.end()));
  }
}

/** What is to be read: files, the largest first. A thread that takes a very large one looks whether it can be cut, for all. */
class JobQueue {
  readonly #rangeBytes: number | undefined;
  readonly #files: Reading['file'][];
  readonly #inOrder: readonly Reading['file'][];
  readonly #jobs = new Map<Reading['file'], Job[]>();
  #ready: Job[] = [];
  readonly #looking = new Set<Promise<void>>();

  constructor(files: readonly Reading['file'][], rangeBytes: number | undefined) {
    this.#inOrder = files;
    this.#files = files.toSorted((a, b) => b.bytes - a.bytes);
    this.#rangeBytes = rangeBytes;
  }

  /** The next job for a thread that is free; none when all have been given out. */
  async next(thread: SegmentThread): Promise<Job | undefined> {
    for (;;) {
      const job = this.#ready.shift();
      if (job) return job;
      const file = this.#files.shift();
      if (file) {
        const look = this.#look(thread, file);
        this.#looking.add(look);
        await look;
        this.#looking.delete(look);
      } else if (this.#looking.size === 0) return undefined;
      else await Promise.race(this.#looking);
    }
  }

  /** All jobs in the order of the files. */
  jobs(): Job[] {
    return this.#inOrder.flatMap((file) => this.#jobs.get(file) ?? []);
  }

  async #look(thread: SegmentThread, file: Reading['file']): Promise<void> {
    const answer = mayBeCut(file, this.#rangeBytes) ? await thread.ask({ kind: 'utf8', file }) : undefined;
    const isCut = answer !== undefined && 'isUtf8' in answer && answer.isUtf8;
    const number = this.#inOrder.indexOf(file);
    const jobs = isCut
      ? lineRanges(file, this.#rangeBytes).map((range): Job => ({ reading: { file, range }, file: number }))
      : [{ reading: { file }, file: number }];
    this.#jobs.set(file, jobs);
    this.#ready.push(...jobs);
  }
}

const AMOUNTS = ['documents', 'characters', 'tokens', 'duplicates', 'empty', 'bytesRead'] as const;

/** What each thread has read of its latest files, added up. */
class Totals {
  readonly #reading: ThreadedReading;
  readonly #onProgress: (now: SegmentCounts) => void;
  readonly #jobs = new Map<Job, SegmentCounts & { bytesRead: number }>();
  readonly #sum = { documents: 0, characters: 0, tokens: 0, duplicates: 0, empty: 0, bytesRead: 0 };

  constructor(reading: ThreadedReading, onProgress: (now: SegmentCounts) => void) {
    this.#reading = reading;
    this.#onProgress = onProgress;
  }

  set(job: Job, now: SegmentCounts & { bytesRead: number }): void {
    const before = this.#jobs.get(job);
    for (const name of AMOUNTS) this.#sum[name] += now[name] - (before?.[name] ?? 0);
    if (job.written) this.#jobs.delete(job);
    else this.#jobs.set(job, now);
    this.#reading.readSoFar(this.#sum.bytesRead);
    this.#onProgress(this.#sum);
  }
}

/** A mistake in some lines of a file is told as who reads all of it would, with the row. */
async function asAlone<T>({ file, range }: Reading, { options }: ThreadedReading, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (range && range[0] > 0 && error instanceof DataError)
      for await (const _ of openReading({ file }, options).documents());
    throw error;
  }
}

function mendedOf(jobs: readonly Job[]): MendedDocuments {
  const count = jobs.reduce((sum, { mended }) => sum + mended!.count, 0);
  const first = jobs.find(({ mended }) => mended!.first !== undefined);
  if (!first) return { count, first: undefined };
  const { file, row } = first.mended!.first!;
  const [from] = first.reading.range ?? [0];
  return { count, first: { file, row: row + (from > 0 ? linesBefore(file, from) : 0) } };
}
