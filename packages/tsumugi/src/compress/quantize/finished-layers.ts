// The layers that are done, beside the place of the result: a run that was cut off goes on after them.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '../../base/index.ts';
import { type NamedTensor, openSafetensors, type Safetensors, writeSafetensors } from '../../store/index.ts';

export class FinishedLayers implements Disposable {
  readonly folder: string;
  readonly #open: Safetensors[] = [];

  /** Those of a run that was the same in everything; what another left is removed. `identity` says what the run is. */
  constructor(out: string, identity: string) {
    this.folder = `${resolve(out)}.quantizing`;
    const note = join(this.folder, 'run.json');
    if (existsSync(note) && readFileSync(note, 'utf8') === identity) return;
    rmSync(this.folder, { recursive: true, force: true });
    writeFileAtomic(note, identity);
  }

  #path(layer: number): string {
    return join(this.folder, `layer-${String(layer).padStart(5, '0')}.safetensors`);
  }

  /** How many layers, from the first, are done. */
  get count(): number {
    let count = 0;
    while (existsSync(this.#path(count))) count++;
    return count;
  }

  add(layer: number, tensors: readonly NamedTensor[]): void {
    writeSafetensors(this.#path(layer), tensors);
  }

  /** The tensors of a layer; open until this is disposed. */
  tensors(layer: number): Safetensors {
    this.#open[layer] ??= openSafetensors(this.#path(layer));
    return this.#open[layer];
  }

  /** When the result is in its place. */
  remove(): void {
    this[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    for (const each of this.#open.splice(0)) each?.close();
  }
}
