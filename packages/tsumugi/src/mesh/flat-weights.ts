// Weights in flat memory, of which each rank updates its part and gets the others' (ZeRO: Rajbhandari et al. 2020, arXiv 1910.02054).
import { layInto, noGrad, scope, type Tensor, zeros } from '../torch/index.ts';
import { type Flat, partsOf } from './flat-layout.ts';
import { type Mesh, waitAll } from './mesh.ts';
import type { Piece } from './step-exchange.ts';

interface Memory {
  readonly whole: Tensor;
  /** This rank's part of it. */
  readonly own: Tensor;
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

  /** Lays the parameters into memory of its own. They stay there when it is disposed of. */
  constructor(mesh: Mesh, parameters: readonly Tensor[], flats: readonly Flat[]) {
    this.#mesh = mesh;
    const pieces: Piece[] = [];
    this.#memories = noGrad(() =>
      scope(() =>
        flats.map((flat) => {
          const { members, starts, size } = flat;
          const { dtype, device } = parameters[members[0]!]!;
          const whole = zeros([size], { dtype, device }).keep();
          const own = whole.narrow(0, (size / mesh.world) * mesh.rank, size / mesh.world).keep();
          const parts = partsOf(flat, parameters, mesh.rank, mesh.world);
          for (const [at, i] of members.entries()) {
            const parameter = parameters[i]!;
            const place = whole.narrow(0, starts[at]!, parameter.numel()).view(parameter.shape);
            place.copy_(parameter);
            layInto(parameter, place.detach());
            const { from, to, start } = parts[at]!;
            pieces[i] = {
              parameter,
              from,
              values: own
                .narrow(0, start, to - from)
                .detach()
                .keep(),
            };
          }
          return { whole, own };
        }),
      ),
    );
    this.pieces = pieces;
  }

  /** All ranks' parts on all of them, after each has updated its own. */
  gather(): void {
    const works = this.#memories.map(({ whole, own }) => this.#mesh.allGather(whole, own));
    waitAll(works);
  }

  [Symbol.dispose](): void {
    for (const { values } of this.pieces) values.dispose();
    for (const { whole, own } of this.#memories) {
      own.dispose();
      whole.dispose();
    }
  }
}
