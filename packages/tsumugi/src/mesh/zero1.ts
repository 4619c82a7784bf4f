// ZeRO-1: the optimizer's state is cut. Gradients are summed over the ranks as ever; each rank updates its part of the weights, and
// all get it.
import { noGrad, scope, type Tensor } from '../torch/index.ts';
import { GradientBuckets } from './buckets.ts';
import { BUCKET_BYTES } from './flat-layout.ts';
import { FlatWeights, setPieceGradients } from './flat-weights.ts';
import type { Mesh } from './mesh.ts';
import type { Piece, ReduceTime, StepExchange } from './step-exchange.ts';

export class OptimizerShards implements StepExchange {
  readonly hasWholeGradients = true;
  readonly #mesh: Mesh;
  readonly #parameters: readonly Tensor[];
  readonly #buckets: GradientBuckets;
  readonly #weights: FlatWeights;

  /** @param parameters as of `GradientBuckets` */
  constructor(mesh: Mesh, parameters: readonly Tensor[], bucketBytes: number = BUCKET_BYTES) {
    this.#mesh = mesh;
    this.#parameters = parameters;
    this.#buckets = new GradientBuckets(mesh, parameters, bucketBytes);
    this.#weights = new FlatWeights(mesh, parameters, this.#buckets.flats);
  }

  get time(): ReduceTime {
    return this.#buckets.time;
  }

  get pieces(): readonly Piece[] {
    return this.#weights.pieces;
  }

  begin(): void {
    this.#buckets.begin();
  }

  beforeLast(): void {
    this.#buckets.beforeLast();
  }

  afterLast(): void {
    this.#buckets.afterLast();
  }

  finish(): void {
    this.#buckets.finish();
    const { rank, world } = this.#mesh;
    noGrad(() =>
      scope(() => {
        for (const layout of this.#buckets.flats) {
          const own = layout.flat.narrow(0, (layout.size / world) * rank, layout.size / world);
          setPieceGradients(this.#mesh, this.pieces, layout, own, (i) => this.#parameters[i]!.grad !== undefined);
        }
      }),
    );
  }

  updated(): void {
    this.#weights.gather();
  }

  /** May be called again. */
  [Symbol.dispose](): void {
    if (this.pieces[0]?.values.isDisposed) return;
    this.#buckets[Symbol.dispose]();
    for (const { values } of this.pieces) values.grad = undefined;
    this.#weights[Symbol.dispose]();
  }
}
