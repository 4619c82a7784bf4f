// Replay that is kept on disk, too: every step is appended to a log as it comes, and a buffer that opens the folder later begins
// with the newest steps that it has room for. (A checkpoint of a run holds its replay anyway; this is for other runs, and for
// what was seen since the last checkpoint.)
//
// A step is logged with the observation that it led to, the first of an episode also with the one that it began with: an
// observation is written once, of a stack only the newest frame.
import type { Outcome } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import { type LogPosition, RecordLog } from './record-log.ts';
import type { Extras, ReplayState, RowOptions, RowRing } from './row-ring.ts';
import { StepCodec, StreamReader } from './step-codec.ts';

export interface PersistentReplayOptions {
  /** Of the chunks; made when it is not there. */
  folder: string;
  /** Size from which a chunk is followed by another; 256 MiB when left out. */
  chunkBytes?: number;
}

/** Writes what goes into `buffer` to disk, and fills it at first with what is there. Samples are drawn from `buffer` itself. */
export class PersistentReplay<B extends RowRing & { readonly length: number }> implements Disposable {
  readonly buffer: B;
  readonly #log: RecordLog;
  readonly #codec: StepCodec;
  readonly #isOpen: boolean[];

  /** @param rows the options that the buffer was made with */
  constructor(buffer: B, rows: RowOptions, { folder, chunkBytes = 256 * 2 ** 20 }: PersistentReplayOptions) {
    this.buffer = buffer;
    this.#codec = new StepCodec(rows);
    this.#isOpen = Array.from({ length: rows.environments ?? 1 }, () => false);
    this.#log = new RecordLog(folder, this.#codec.layout, chunkBytes);
    this.#fill(rows.capacity);
  }

  #fill(capacity: number): void {
    const streams = this.#isOpen.map(() => new StreamReader(this.#codec));
    for (const record of this.#log.newest(capacity)) {
      const i = record.readUInt32LE(4);
      // Of environments that there are not any more nothing is read.
      const step = streams[i]?.read(record);
      if (step === 'cut' || step?.begins) this.buffer.cut(i);
      if (step && step !== 'cut') this.buffer.add(i, step.observation, step.action, step.outcome, step.extras);
    }
    // Whoever wrote it is gone, and with it the episodes that were going on.
    streams.forEach((_, i) => {
      this.buffer.cut(i);
    });
  }

  get length(): number {
    return this.buffer.length;
  }

  add(i: number, observation: Observation, action: Action, outcome: Outcome, extras?: Extras): void {
    const begins = !this.#isOpen[i];
    this.buffer.add(i, observation, action, outcome, extras);
    this.#log.append(this.#codec.encode(i, begins ? observation : undefined, action, outcome, extras));
    this.#isOpen[i] = !outcome.terminated && !outcome.truncated;
  }

  cut(i: number): void {
    if (!this.#isOpen[i]) return;
    this.buffer.cut(i);
    this.#log.append(this.#codec.encodeCut(i));
    this.#isOpen[i] = false;
  }

  /** Hands what was added to the system: it is there when the process dies. Otherwise this happens every 256 KiB. */
  flush(): void {
    this.#log.flush();
  }

  /** The buffer's, and where the log ends: a run that goes on from it leaves out what came after. */
  state(): ReplayState {
    const { tensors, state } = this.buffer.state();
    return { tensors, state: { buffer: state, log: { ...this.#log.position() }, isOpen: [...this.#isOpen] } };
  }

  loadState({ tensors, state }: ReplayState): void {
    const saved = state as unknown as { buffer: ReplayState['state']; log: LogPosition; isOpen: boolean[] };
    this.buffer.loadState({ tensors, state: saved.buffer });
    this.#log.cutTo(saved.log);
    this.#isOpen.splice(0, this.#isOpen.length, ...saved.isOpen);
  }

  [Symbol.dispose](): void {
    this.#log[Symbol.dispose]();
  }
}
