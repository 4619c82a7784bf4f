// ZeRO-2: gradients are cut, too. As soon as backward has made those of a bucket they are summed over the ranks, each keeps its part of the sum,
// and the rest goes. That is done for each backward of a step: the parts add up.
import { empty, noGrad, onGradients, scope, type Tensor, zeros } from '../torch/index.ts';
import { reduceNumbers } from './exchange.ts';
import { BUCKET_BYTES, type Flat, layOutBackwards } from './flat-layout.ts';
import { FlatWeights, setPieceGradients } from './flat-weights.ts';
import type { Mesh, Work } from './mesh.ts';
import type { Piece, ReduceTime, StepExchange } from './step-exchange.ts';

interface Bucket extends Flat {
  /** This rank's part of the sum: that of all backwards so far. */
  readonly sum: Tensor;
  /** Gradients of this backward, while they come. */
  filling: Tensor | undefined;
  /** Gradients that are still to be made by this backward. */
  missing: number;
}

/** What is on its way. */
interface Flight {
  readonly work: Work;
  readonly bucket: Bucket;
  readonly sent: Tensor;
  /** What arrives; the sum itself, the first time. */
  readonly arriving: Tensor;
}

/** The gradients of parameters, cut over the ranks. */
export class CutGradients implements Disposable {
  readonly #mesh: Mesh;
  readonly #parameters: readonly Tensor[];
  readonly #pieces: readonly Piece[];
  readonly #buckets: readonly Bucket[];
  readonly #placeOf: readonly { bucket: Bucket; start: number }[];
  readonly #hearing: Disposable;
  readonly #hasGradient: boolean[];
  /** Whether a step is under way. */
  #isOpen = false;
  /** Backwards of the step so far. */
  #rounds = 0;
  /** Buckets of this backward that are on their way or there. */
  #sent = 0;
  #flight: Flight | undefined;
  #began = 0;
  time: ReduceTime = { seconds: 0, waitedSeconds: 0 };

  /** @param flats in the order in which backward fills them, as a rule; they are sent in this order */
  constructor(mesh: Mesh, parameters: readonly Tensor[], pieces: readonly Piece[], flats: readonly Flat[]) {
    this.#mesh = mesh;
    this.#parameters = parameters;
    this.#pieces = pieces;
    const placeOf: { bucket: Bucket; start: number }[] = [];
    this.#buckets = noGrad(() =>
      flats.map((flat) => {
        const { dtype, device } = parameters[flat.members[0]!]!;
        const sum = zeros([flat.size / mesh.world], { dtype, device }).keep();
        const bucket: Bucket = { ...flat, sum, filling: undefined, missing: flat.members.length };
        for (const [at, i] of flat.members.entries()) placeOf[i] = { bucket, start: flat.starts[at]! };
        return bucket;
      }),
    );
    this.#placeOf = placeOf;
    this.#hasGradient = parameters.map(() => false);
    this.#hearing = onGradients(parameters, (i) => this.#heard(i));
  }

  begin(): void {
    this.#isOpen = true;
    this.#rounds = 0;
    this.#hasGradient.fill(false);
    this.#began = 0;
    this.time = { seconds: 0, waitedSeconds: 0 };
    for (const parameter of this.#parameters) parameter.grad = undefined;
    this.#beginRound();
  }

  #beginRound(): void {
    this.#sent = 0;
    for (const bucket of this.#buckets) bucket.missing = bucket.members.length;
  }

  /** A gradient is put where it is sent from, and goes. */
  #heard(i: number): void {
    const parameter = this.#parameters[i]!;
    if (this.#isOpen)
      noGrad(() =>
        scope(() => {
          this.#hasGradient[i] = true;
          const { bucket, start } = this.#placeOf[i]!;
          this.#fill(bucket)
            .narrow(0, start, parameter.numel())
            .copy_(parameter.grad!.reshape([-1]));
          bucket.missing--;
        }),
      );
    parameter.grad = undefined;
    // In one order on all ranks, whatever the order in which gradients are made.
    while (this.#isOpen && this.#sent < this.#buckets.length && this.#buckets[this.#sent]!.missing === 0) this.#send();
  }

  #fill(bucket: Bucket): Tensor {
    const { dtype, device } = bucket.sum;
    bucket.filling ??= zeros([bucket.size], { dtype, device }).keep();
    return bucket.filling;
  }

  #send(): void {
    if (this.#began === 0) this.#began = performance.now();
    this.#land(); // one at a time: each holds a bucket, and as much again while it is on its way
    const bucket = this.#buckets[this.#sent++]!;
    const sent = this.#fill(bucket);
    bucket.filling = undefined;
    const { dtype, device } = bucket.sum;
    const arriving = this.#rounds === 0 ? bucket.sum : empty([bucket.sum.numel()], { dtype, device }).keep();
    this.#flight = { work: this.#mesh.reduceScatter(arriving, sent), bucket, sent, arriving };
  }

  #land(): void {
    if (!this.#flight) return;
    const { work, bucket, sent, arriving } = this.#flight;
    this.#flight = undefined;
    const from = performance.now();
    work.wait();
    this.time.waitedSeconds += (performance.now() - from) / 1000;
    sent.dispose();
    if (arriving === bucket.sum) return;
    noGrad(() => bucket.sum.add_(arriving));
    arriving.dispose();
  }

  /** After each backward: what it gave no gradient counts as 0. */
  afterBackward(): void {
    if (!this.#isOpen) return;
    while (this.#sent < this.#buckets.length) this.#send();
    this.#land();
    this.#rounds++;
    this.#beginRound();
  }

  finish(): void {
    this.#isOpen = false;
    if (this.#began > 0) this.time.seconds = (performance.now() - this.#began) / 1000;
    const has = reduceNumbers(this.#mesh, this.#hasGradient.map(Number), 'max');
    noGrad(() =>
      scope(() => {
        for (const bucket of this.#buckets)
          setPieceGradients(this.#mesh, this.#pieces, bucket, bucket.sum, (i) => has[i] !== 0);
      }),
    );
  }

  [Symbol.dispose](): void {
    this.#hearing[Symbol.dispose]();
    for (const { values } of this.#pieces) values.grad = undefined;
    this.#flight?.sent.dispose();
    if (this.#flight && this.#flight.arriving !== this.#flight.bucket.sum) this.#flight.arriving.dispose();
    for (const { sum, filling } of this.#buckets) {
      sum.dispose();
      filling?.dispose();
    }
  }
}

export class GradientShards implements StepExchange {
  readonly hasWholeGradients = false;
  readonly #weights: FlatWeights;
  readonly #gradients: CutGradients;

  /** @param parameters as of `GradientBuckets` */
  constructor(mesh: Mesh, parameters: readonly Tensor[], bucketBytes: number = BUCKET_BYTES) {
    const flats = layOutBackwards(parameters, mesh.world, bucketBytes);
    this.#weights = new FlatWeights(mesh, parameters, flats);
    this.#gradients = new CutGradients(mesh, parameters, this.#weights.pieces, flats);
  }

  get time(): ReduceTime {
    return this.#gradients.time;
  }

  get pieces(): readonly Piece[] {
    return this.#weights.pieces;
  }

  begin(): void {
    this.#gradients.begin();
  }

  beforeLast(): void {}

  afterLast(): void {}

  afterBackward(): void {
    this.#gradients.afterBackward();
  }

  finish(): void {
    this.#gradients.finish();
  }

  updated(): void {
    this.#weights.gather();
  }

  /** May be called again. */
  [Symbol.dispose](): void {
    if (this.pieces[0]?.values.isDisposed) return;
    this.#gradients[Symbol.dispose]();
    this.#weights[Symbol.dispose]();
  }
}
