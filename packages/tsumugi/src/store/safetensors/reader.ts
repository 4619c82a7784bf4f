// Reading one safetensors file: the header at once, the data when it is asked for, from the file's own pages.
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { CheckpointError, cannotRead, DataError, invariant, suggestion } from '../../base/index.ts';
import { callOperator, dtypeBytes, fromBytes, MappedFile, numElements, scope, type Tensor } from '../../torch/index.ts';
import { requireSameFile, withFile } from '../with-file.ts';
import {
  checkHeaderLength,
  formatError,
  type Header,
  LENGTH_BYTES,
  type Metadata,
  parseHeader,
  type TensorEntry,
  type TensorInfo,
} from './header.ts';

/** Named tensors in one file or several. */
export interface Safetensors extends Disposable {
  /** The file, or the index of the files. */
  readonly path: string;
  /** In the order of the data. */
  readonly names: readonly string[];
  readonly metadata: Metadata;
  has(name: string): boolean;
  /** What a tensor is, without reading it. @throws CheckpointError with the nearest name when there is none. */
  info(name: string): TensorInfo;
  /**
   * A tensor over the file's own pages, read when it is touched; a copy when the file has it at an address its dtype
   * does not allow. Do not change it in place: the change would not reach the file, but would be seen by the next
   * tensor taken under this name. The file must not be cut short while tensors of it live.
   */
  tensor(name: string): Tensor;
  /**
   * `count` elements of a tensor from its `start`-th in row-major order, [count]: a copy. Unlike those of `tensor`, no pages of the
   * file stay in the process's memory, so a checkpoint of any size can be gone through.
   */
  elements(name: string, start: number, count: number): Tensor;
  /**
   * Gives back the memory that tensors over the file's own pages have taken by being used; they read them again when they are used
   * again. Changes made to them in place are lost.
   */
  releasePages(): void;
  /** Forgets the file. Tensors taken from it stay valid, and end the mapping when the last of them is freed. */
  close(): void;
}

/** The error for a name that is not there. */
export function noSuchTensor(name: string, names: Iterable<string>, path: string): CheckpointError {
  return new CheckpointError('no-such-tensor', `${path} holds no tensor "${name}"`, {
    remedy: suggestion(name, names),
    fields: { path: name, file: path },
  });
}

function readHeader(path: string): Header & { status: Stats } {
  return withFile(path, (descriptor, status) => {
    const read = (length: number, position: number): Uint8Array => {
      const bytes = Buffer.alloc(length);
      let done = 0;
      while (done < length) {
        const count = readSync(descriptor, bytes, done, length - done, position + done);
        if (count === 0) throw formatError('truncated', path, undefined, 'became shorter while it was read');
        done += count;
      }
      return bytes;
    };
    const field = read(Math.min(LENGTH_BYTES, status.size), 0);
    const header = read(checkHeaderLength(field, status.size, path), LENGTH_BYTES);
    return { ...parseHeader(header, status.size, path), status };
  });
}

/** What the system answers. @throws DataError */
function asked<T>(path: string, question: () => T): T {
  try {
    return question();
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/** What `elements` reads into. It is one for all files, and as large as the largest piece. */
let scratch = Buffer.alloc(0);

/** One `.safetensors` file. */
export class SafetensorsFile implements Safetensors {
  readonly path: string;
  readonly names: readonly string[];
  readonly metadata: Metadata;
  readonly #tensors: ReadonlyMap<string, TensorEntry>;
  readonly #status: Stats;
  #file: MappedFile | undefined;
  #descriptor: number | undefined;
  #closed = false;

  /** @throws DataError when the file cannot be opened, FormatError when it breaks the format. */
  constructor(path: string) {
    this.path = path;
    const { metadata, tensors, status } = readHeader(path);
    this.metadata = metadata;
    this.#status = status;
    this.#tensors = tensors;
    this.names = [...tensors.keys()];
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { offset: _, ...info } = this.#entry(name);
    return info;
  }

  tensor(name: string): Tensor {
    const { dtype, shape, bytes, offset } = this.#entry(name);
    this.#requireOpen(name);
    const file = this.#map();
    if (dtype === 'bool') this.#checkBooleans(file, name, offset, bytes);
    if (offset % dtypeBytes(dtype) === 0 || bytes === 0) return file.tensor(offset, dtype, shape);
    return scope(() => {
      const aligned = file.tensor(offset, 'uint8', [bytes]).clone();
      return (callOperator('aten::view.dtype', aligned, dtype) as Tensor).view(shape);
    });
  }

  elements(name: string, start: number, count: number): Tensor {
    const { dtype, shape, offset } = this.#entry(name);
    this.#requireOpen(name);
    invariant(start >= 0 && count >= 0 && start + count <= numElements(shape), `elements of "${name}"`);
    if (dtype === 'bool') return scope(() => this.tensor(name).reshape([-1]).narrow(0, start, count).clone());
    const width = dtypeBytes(dtype);
    return fromBytes(this.#read(offset + start * width, count * width), dtype, [count]);
  }

  releasePages(): void {
    this.#file?.releasePages();
  }

  /** Bytes of the file, in a buffer that the next call fills again. */
  #read(offset: number, length: number): Uint8Array {
    if (scratch.length < length) scratch = Buffer.allocUnsafeSlow(length);
    const descriptor = this.#open();
    for (let done = 0; done < length; ) {
      const count = asked(this.path, () => readSync(descriptor, scratch, done, length - done, offset + done));
      if (count === 0) throw formatError('truncated', this.path, undefined, 'became shorter while it was read');
      done += count;
    }
    return scratch.subarray(0, length);
  }

  #open(): number {
    if (this.#descriptor !== undefined) return this.#descriptor;
    const descriptor = asked(this.path, () => openSync(this.path, 'r'));
    this.#descriptor = descriptor;
    requireSameFile(this.path, this.#status, fstatSync(descriptor));
    return descriptor;
  }

  /** Maps the file on first use, if it is still the one whose header was read. */
  #map(): MappedFile {
    if (this.#file) return this.#file;
    const file = new MappedFile(this.path);
    requireSameFile(this.path, this.#status, statSync(this.path));
    this.#file = file;
    return file;
  }

  #requireOpen(name: string): void {
    if (this.#closed) throw new DataError('closed', `${this.path} was closed before "${name}" was taken from it`);
  }

  /** libtorch takes a boolean to be 0 or 1 and computes nonsense from other bytes. */
  #checkBooleans(file: MappedFile, name: string, offset: number, bytes: number): void {
    if (bytes === 0) return;
    const largest = scope(() => file.tensor(offset, 'uint8', [bytes]).max().item());
    if (largest > 1) throw formatError('bad-boolean', this.path, name, `is BOOL, but holds the byte ${largest}`);
  }

  #entry(name: string): TensorEntry {
    const entry = this.#tensors.get(name);
    if (!entry) throw noSuchTensor(name, this.names, this.path);
    return entry;
  }

  close(): void {
    this.#closed = true;
    this.#file = undefined;
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
