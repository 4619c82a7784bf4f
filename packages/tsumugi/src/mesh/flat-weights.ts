// Weights in flat memory, of which each rank updates its part and gets the others' (ZeRO: Rajbhandari et al. 2020, arXiv 1910.02054).
import { layInto, noGrad, scope, type Tensor, zeros } from '../torch/index.ts';
import { type Flat, partsOf } from './flat-layout.ts';
import { type Mesh, waitAll } from './mesh.ts';
import type { Piece } from './step-exchange.ts';

/** Weights that lie together. */
export interface Memory {
  readonly whole: Tensor;
  /** This rank's part of it. */
  readonly own: Tensor;
}

/**
 * Lays these weights of one kind into memory of their own, and gives the pieces of this rank; frozen ones have none, since nobody updates them.
 *
 * @param apart whether this rank's part has memory of its own, so that the whole may go
 */
export function layIntoFlat(
  { rank, world }: Pick<Mesh, 'rank' | 'world'>,
  weights: readonly Tensor[],
  flat: Flat,
  { apart }: { apart: boolean },
): { memory: Memory; pieces: Piece[] } {
  const { members, starts, size } = flat;
  const { dtype, device } = weights[members[0]!]!;
  return noGrad(() =>
    scope(() => {
      const whole = zeros([size], { dtype, device }).keep();
      const share = size / world;
      const own = (apart ? zeros([share], { dtype, device }) : whole.narrow(0, share * rank, share)).keep();
      const parts = partsOf(flat, weights, rank, world);
      const pieces = members.flatMap((i, at): Piece[] => {
        const weight = weights[i]!;
        const place = whole.narrow(0, starts[at]!, weight.numel()).view(weight.shape);
        place.copy_(weight);
        layInto(weight, place.detach());
        if (!weight.requiresGrad) return [];
        const { from, to, start } = parts[at]!;
        const values = own.narrow(0, start, to - from).detach();
        return [{ parameter: weight, from, values: values.keep() }];
      });
      return { memory: { whole, own }, pieces };
    }),
  );
}

/**
 * Gives the pieces of a flat's members their gradients, as parts of this rank's part of the sums.
 *
 * @param has whether a parameter has a gradient
 */
export function setPieceGradients(
  { rank, world }: Pick<Mesh, 'rank' | 'world'>,
  pieces: readonly Piece[],
  flat: Flat,
  sums: Tensor,
  has: (parameter: number) => boolean,
): void {
  const whole = pieces.map(({ parameter }) => parameter);
  for (const [at, { from, to, start }] of partsOf(flat, whole, rank, world).entries()) {
    const i = flat.members[at]!;
    pieces[i]!.values.grad = has(i) ? sums.narrow(0, start, to - from) : undefined;
  }
}

export class FlatWeights implements Disposable {
  readonly #mesh: Mesh;
  readonly #memories: readonly Memory[];
  /** In the order of the parameters. */
  readonly pieces: readonly Piece[];

  /** Lays the parameters, all of which are trained, into memory of its own. They stay there when it is disposed of. */
  constructor(mesh: Mesh, parameters: readonly Tensor[], flats: readonly Flat[]) {
    this.#mesh = mesh;
    const pieces: Piece[] = [];
    this.#memories = flats.map((flat) => {
      const laid = layIntoFlat(mesh, parameters, flat, { apart: false });
      for (const [at, i] of flat.members.entries()) pieces[i] = laid.pieces[at]!;
      return laid.memory;
    });
    this.pieces = pieces;
  }

  /** All ranks' parts on all of them, after each has updated its own. */
  gather(): void {
    waitAll(this.#memories.map(({ whole, own }) => this.#mesh.allGather(whole, own)));
  }

  [Symbol.dispose](): void {
    for (const { values } of this.pieces) values.dispose();
    for (const { whole, own } of this.#memories) {
      own.dispose();
      whole.dispose();
    }
  }
}
