// Snapshots of prefixes on disk, so that a server that is started again need not read them again. They are of one model, adapter and all, by the
// hash of its files; those of another are not taken.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sha256, TsumugiError } from '../../base/index.ts';
import { adapterHash, type Engine } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import type { ModelPlace, Note } from './protocol.ts';

export class SnapshotFolder {
  readonly #folder: string;
  readonly #modelHash: string;
  readonly #note: (note: Note) => void;

  static async of(
    cacheDir: string,
    { folder, adapter, dtype }: ModelPlace,
    note: (note: Note) => void,
  ): Promise<SnapshotFolder> {
    const hashes = [await new Artefact(folder).hash(), adapter && (await adapterHash(adapter)), dtype];
    return new SnapshotFolder(cacheDir, sha256(JSON.stringify(hashes)), note);
  }

  private constructor(cacheDir: string, modelHash: string, note: (note: Note) => void) {
    this.#folder = join(cacheDir, modelHash.slice(0, 16));
    this.#modelHash = modelHash;
    this.#note = note;
  }

  load(engine: Engine): void {
    const isFirst = !existsSync(this.#folder);
    this.#tell('snapshots-loaded', () => {
      const { ignored, ...found } = engine.loadSnapshots(this.#folder, { modelHash: this.#modelHash });
      return { ...found, ignored: isFirst ? undefined : ignored }; // Nothing was written yet: that is no fault.
    });
  }

  save(engine: Engine): void {
    this.#tell('snapshots-saved', () => engine.saveSnapshots(this.#folder, { modelHash: this.#modelHash }));
  }

  /** What is only kept to save time keeps nobody from being served. */
  #tell(event: string, work: () => { snapshots: number; bytes: number; ignored?: string | undefined }): void {
    try {
      const { snapshots, bytes, ignored } = work();
      this.#note({ event, folder: this.#folder, snapshots, bytes, ignored });
    } catch (error) {
      if (!(error instanceof TsumugiError)) throw error;
      this.#note({ event, folder: this.#folder, fault: error.message });
    }
  }
}
