// The folder that an option names: a path, or a model of the Hugging Face Hub, which is fetched when the cache lacks it.
import { formatBytes, Progress } from '../run/index.ts';
import { type Need, type PullOptions, resolveModel } from '../store/index.ts';
import type { Io } from './io.ts';

/** @throws HubError when the name is none of the hub's, is refused, or cannot be fetched */
export async function folderOf(place: string, need: Need, io: Io): Promise<string> {
  using shown = new PullDisplay(io);
  return await resolveModel(place, { need, ...shown.options });
}

/** The progress is shown from here on. */
const FIRST_BYTES = 1 << 20;

/** Shows the progress of a pull on standard error. */
export class PullDisplay implements Disposable {
  readonly #io: Io;
  #progress: Progress | undefined;
  #start = 0;

  constructor(io: Io) {
    this.#io = io;
  }

  readonly options: Required<Pick<PullOptions, 'report' | 'onPlan' | 'onProgress'>> = {
    report: (line) => this.#print(line),
    onPlan: ({ repo, commit, missingBytes, totalBytes, files, folder }) => {
      if (missingBytes === 0) return;
      const amount =
        missingBytes < totalBytes
          ? `${formatBytes(missingBytes)} of ${formatBytes(totalBytes)}`
          : formatBytes(totalBytes);
      this.#print(`fetching ${repo} at ${commit.slice(0, 12)}: ${amount} in ${files.length} files, into ${folder}`);
      this.#start = totalBytes - missingBytes;
      this.#progress = new Progress({
        label: 'pull',
        total: totalBytes,
        start: this.#start,
        bytes: true,
        stream: this.#io.stderr,
      });
    },
    onProgress: ({ path, doneBytes, totalBytes }) => {
      // The first, small files would give a wrong speed.
      if (doneBytes - this.#start < FIRST_BYTES && doneBytes < totalBytes) return;
      this.#progress?.update({ step: doneBytes, note: path });
    },
  };

  #print(line: string): void {
    if (this.#progress) this.#progress.print(line);
    else this.#io.stderr.write(`${line}\n`);
  }

  [Symbol.dispose](): void {
    this.#progress?.end();
  }
}
