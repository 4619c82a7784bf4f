// ZeRO-3: weights are cut, too. Those of a layer are gathered while the layer before it computes, forward and backward, and freed when it is
// done: the memory under them goes, and the tensors stay the objects that they are.
import { dtypeBytes, freeStorage, makeStorage, noGrad, onGradientOf, scope, type Tensor } from '../torch/index.ts';
import { type Flat, layOut } from './flat-layout.ts';
import { layIntoFlat, type Memory } from './flat-weights.ts';
import { type Mesh, type Work, waitAll } from './mesh.ts';
import type { CutWeights, Piece, ReduceTime, StepExchange } from './step-exchange.ts';
import { CutGradients } from './zero2.ts';

type Unit = { readonly memories: readonly Memory[]; works: Work[] | undefined; isThere: boolean };

/** What of a model is gathered together. */
export interface WeightUnits {
  /** Weights of each layer, in the order of the forward. */
  readonly layers: readonly (readonly Tensor[])[];
  /** Those of no layer: they are there from the beginning of a forward till the step, or the measurement, is over. */
  readonly rest: readonly Tensor[];
}

export class WeightShards implements StepExchange, CutWeights {
  readonly hasWholeGradients = false;
  readonly pieces: readonly Piece[];
  readonly #mesh: Mesh;
  readonly #layers: readonly Unit[];
  readonly #rest: Unit;
  readonly #gradients: CutGradients;
  /** Whether a backward has begun that is not over. */
  #isBackward = false;
  /** Whether all weights are there, whoever comes and goes. */
  #isWhole = true;

  /** The weights are there until `settle`. */
  constructor(mesh: Mesh, { layers, rest }: WeightUnits) {
    this.#mesh = mesh;
    const trained: Tensor[] = [];
    const flats: Flat[] = [];
    const pieces: Piece[] = [];
    const unitOf = (weights: readonly Tensor[]): Unit => {
      const kinds = Map.groupBy(weights, ({ dtype, device, requiresGrad }) => `${dtype} ${device} ${requiresGrad}`);
      const memories = [...kinds.values()].map((alike) => {
        const flat = layOut(alike, [...alike.keys()], mesh.world);
        const laid = layIntoFlat(mesh, alike, flat, { apart: true });
        if (alike[0]!.requiresGrad) {
          flats.push({ ...flat, members: flat.members.map((i) => trained.length + i) });
          trained.push(...alike);
          pieces.push(...laid.pieces);
        }
        return laid.memory;
      });
      return { memories, works: undefined, isThere: true };
    };
    this.#rest = unitOf(rest);
    this.#layers = layers.map(unitOf);
    this.pieces = pieces;
    // Backward is done with the last layer first, and with the embedding last.
    this.#gradients = new CutGradients(mesh, trained, pieces, flats.reverse());
  }

  get #units(): Unit[] {
    return [this.#rest, ...this.#layers];
  }

  get weights(): CutWeights {
    return this;
  }

  get time(): ReduceTime {
    return this.#gradients.time;
  }

  // --- weights -------------------------------------------------------------------------------------------------------

  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** The weights as they are now are what is cut: each rank keeps its part. */
  settle(): void {
    const { rank } = this.#mesh;
    noGrad(() =>
      scope(() => {
        for (const { memories } of this.#units)
          for (const { whole, own } of memories) own.copy_(whole.narrow(0, rank * own.numel(), own.numel()));
      }),
    );
    this.#isWhole = false;
    this.release();
  }

  /** Gathers all weights, until `release`: for what looks at more than a layer. */
  gather(): void {
    for (const unit of this.#units) this.#begin(unit);
    for (const unit of this.#units) this.#ensure(unit);
    this.#isWhole = true;
  }

  /** No weights are there. */
  release(): void {
    this.#isWhole = false;
    this.#isBackward = false;
    for (const unit of this.#units) this.#free(unit);
  }

  #begin(unit: Unit | undefined): void {
    if (!unit || unit.isThere || unit.works) return;
    unit.works = unit.memories.map(({ whole, own }) => {
      makeStorage(whole, whole.numel() * dtypeBytes(whole.dtype));
      return this.#mesh.allGather(whole, own);
    });
  }

  #ensure(unit: Unit): void {
    this.#begin(unit);
    waitAll(unit.works ?? []);
    unit.works = undefined;
    unit.isThere = true;
  }

  #free(unit: Unit | undefined): void {
    if (!unit || this.#isWhole) return;
    waitAll(unit.works ?? []);
    if (unit.isThere || unit.works) for (const { whole } of unit.memories) freeStorage(whole);
    unit.works = undefined;
    unit.isThere = false;
  }

  // --- forward and backward: what the model calls -----------------------------------------------------------------------

  beforeForward(): void {
    this.#ensure(this.#rest);
    if (!this.#isBackward) this.#begin(this.#layers[0]);
  }

  /** Also when a layer is run again for backward. */
  beforeLayer(index: number): void {
    this.#ensure(this.#layers[index]!);
    if (!this.#isBackward) this.#begin(this.#layers[index + 1]);
  }

  /** @param index −1 for what comes before the layers */
  afterLayer(index: number, output: Tensor): void {
    this.#free(this.#layers[index]);
    if (!output.requiresGrad) return;
    // What comes after this layer has been gone through when its output has its gradient.
    onGradientOf(output, () => {
      this.#isBackward = true;
      this.#free(this.#layers[index + 1]);
      if (index < 0) return;
      this.#ensure(this.#layers[index]!);
      this.#begin(this.#layers[index - 1]);
    });
  }

  // --- a step ----------------------------------------------------------------------------------------------------------

  begin(): void {
    this.#gradients.begin();
  }

  beforeLast(): void {}

  afterLast(): void {}

  afterBackward(): void {
    this.#isBackward = false;
    for (const layer of this.#layers) this.#free(layer);
    this.#gradients.afterBackward();
  }

  finish(): void {
    this.#gradients.finish();
  }

  updated(): void {
    this.release();
  }

  /** May be called again. */
  [Symbol.dispose](): void {
    if (this.pieces[0]?.values.isDisposed) return;
    this.#gradients[Symbol.dispose]();
    for (const { values } of this.pieces) values.dispose();
    for (const { memories } of this.#units)
      for (const { whole, own } of memories) {
        own.dispose();
        whole.dispose();
      }
  }
}
