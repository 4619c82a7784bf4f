// A group of a checkpoint that lies in several files, seen as one: whole tensors wherever they are, and tensors whose pieces are joined
// when they are asked for.
import { z } from 'zod';
import { CheckpointError, invariant, parseJson } from '../../base/index.ts';
import { cat, dtypeBytes, numElements, scope, type Tensor } from '../../torch/index.ts';
import {
  type Metadata,
  noSuchTensor,
  openSafetensors,
  type Safetensors,
  type TensorInfo,
} from '../safetensors/index.ts';
import type { PiecePlace } from './writers.ts';

/** Where a part file says what its pieces are of: JSON in its metadata. */
const PIECES_KEY = 'tsumugi.pieces';

const piecesSchema = z.record(
  z.string(),
  z.strictObject({ shape: z.array(z.int().nonnegative()), from: z.int().nonnegative() }),
);

/** The metadata of a part file. */
export const piecesMetadata = (pieces: Readonly<Record<string, PiecePlace>>): Metadata => ({
  format: 'pt',
  ...(Object.keys(pieces).length > 0 && { [PIECES_KEY]: JSON.stringify(pieces) }),
});

interface Piece {
  readonly file: Safetensors;
  /** Of the whole tensor. */
  readonly shape: readonly number[];
  readonly from: number;
  readonly count: number;
}

/** A tensor and the pieces that it consists of, in their order. */
interface Joined {
  readonly info: TensorInfo;
  readonly pieces: readonly Piece[];
}

export class JoinedTensors implements Safetensors {
  readonly path: string;
  readonly names: readonly string[];
  readonly metadata: Metadata;
  readonly #files: readonly Safetensors[];
  readonly #whole = new Map<string, Safetensors>();
  readonly #joined = new Map<string, Joined>();

  /**
   * @param path of the checkpoint, for messages
   * @throws CheckpointError when a tensor is there twice, or not all of it
   */
  constructor(path: string, files: readonly Safetensors[]) {
    this.path = path;
    this.#files = files;
    const pieces = new Map<string, Piece[]>();
    for (const file of files) {
      const places = piecesOf(path, file);
      for (const name of file.names) {
        const place = places.get(name);
        if (this.#whole.has(name) || (pieces.has(name) && !place)) throw broken(path, name, 'is there twice');
        if (!place) this.#whole.set(name, file);
        else {
          const piece = { file, ...place, count: numElements(file.info(name).shape) };
          pieces.set(name, [...(pieces.get(name) ?? []), piece]);
        }
      }
    }
    for (const [name, unordered] of pieces) this.#joined.set(name, join(path, name, unordered));
    this.names = [...this.#whole.keys(), ...this.#joined.keys()];
    this.metadata = files[0]?.metadata ?? {};
  }

  has(name: string): boolean {
    return this.#whole.has(name) || this.#joined.has(name);
  }

  info(name: string): TensorInfo {
    return this.#joined.get(name)?.info ?? this.#fileOf(name).info(name);
  }

  tensor(name: string): Tensor {
    const joined = this.#joined.get(name);
    if (!joined) return this.#fileOf(name).tensor(name);
    const { pieces, info } = joined;
    return scope(() =>
      cat(
        pieces.map(({ file }) => file.tensor(name)),
        0,
      ).reshape(info.shape),
    );
  }

  elements(name: string, start: number, count: number): Tensor {
    const joined = this.#joined.get(name);
    if (!joined) return this.#fileOf(name).elements(name, start, count);
    const end = start + count;
    invariant(start >= 0 && count >= 0 && end <= numElements(joined.info.shape), `elements of "${name}"`);
    return scope(() => {
      const found = joined.pieces.flatMap(({ file, from, count: has }) => {
        const [first, last] = [Math.max(start, from), Math.min(end, from + has)];
        return first < last ? [file.elements(name, first - from, last - first)] : [];
      });
      return found.length === 1
        ? found[0]!
        : found.length === 0
          ? joined.pieces[0]!.file.elements(name, 0, 0)
          : cat(found, 0);
    });
  }

  releasePages(): void {
    for (const file of this.#files) file.releasePages();
  }

  #fileOf(name: string): Safetensors {
    const file = this.#whole.get(name);
    if (!file) throw noSuchTensor(name, this.names, this.path);
    return file;
  }

  close(): void {
    for (const file of this.#files) file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Opens the files of a group as one. */
export function openJoined(path: string, files: readonly string[]): Safetensors {
  const opened = files.map(openSafetensors);
  // As every checkpoint of a process by itself is.
  if (opened.length === 1 && opened[0]!.metadata[PIECES_KEY] === undefined) return opened[0]!;
  return new JoinedTensors(path, opened);
}

const broken = (path: string, name: string, problem: string): CheckpointError =>
  new CheckpointError('damaged-checkpoint', `the checkpoint ${path} is damaged: its tensor "${name}" ${problem}`, {
    remedy: `Remove ${path} to go on from the checkpoint before it.`,
    fields: { file: path, tensor: name },
  });

function piecesOf(path: string, file: Safetensors): Map<string, PiecePlace> {
  const text = file.metadata[PIECES_KEY];
  if (text === undefined) return new Map();
  try {
    return new Map(Object.entries(piecesSchema.parse(parseJson(text))));
  } catch (cause) {
    throw new CheckpointError('damaged-checkpoint', `${file.path} does not say what its pieces belong to`, {
      remedy: `Remove ${path} to go on from the checkpoint before it.`,
      fields: { file: file.path },
      cause,
    });
  }
}

/** Pieces in their order, once they are known to be the whole. */
function join(path: string, name: string, unordered: readonly Piece[]): Joined {
  const pieces = unordered.toSorted((a, b) => a.from - b.from || a.count - b.count);
  const [{ file, shape }] = pieces as [Piece];
  const { dtype } = file.info(name);
  let end = 0;
  for (const piece of pieces) {
    const isAlike = piece.shape.join() === shape.join() && piece.file.info(name).dtype === dtype;
    if (!isAlike) throw broken(path, name, 'consists of pieces of several tensors');
    if (piece.from !== end) throw broken(path, name, piece.from < end ? 'is there twice' : 'is not complete');
    end += piece.count;
  }
  const count = numElements(shape);
  if (end !== count) throw broken(path, name, 'is not complete');
  return { info: { dtype, shape, bytes: count * dtypeBytes(dtype) }, pieces };
}
