// Data parallelism: gradients are added up over the ranks in flat buckets, each as soon as backward has made the last gradient of it, while
// backward goes on (Li et al. 2020, arXiv 2006.15704).
import { noGrad, onGradients, scope, type Tensor, zeros } from '../torch/index.ts';
import { reduceNumbers } from './exchange.ts';
import { BUCKET_BYTES, type Flat, layOutBackwards } from './flat-layout.ts';
import { type Mesh, type Work, waitAll } from './mesh.ts';
import type { ReduceTime, StepExchange } from './step-exchange.ts';

interface Bucket extends Flat {
  readonly flat: Tensor;
  /** Gradients that are still to be made by the backward that is heard. */
  missing: number;
}

export class GradientBuckets implements StepExchange {
  readonly pieces = undefined;
  readonly hasWholeGradients = true;
  readonly #mesh: Mesh;
  readonly #parameters: readonly Tensor[];
  readonly #buckets: readonly Bucket[];
  /** The gradients, as parts of the buckets. */
  readonly #views: readonly Tensor[];
  readonly #bucketOf: readonly number[];
  readonly #hearing: Disposable;
  readonly #hasGradient: boolean[];
  /** Whether a step is under way. */
  #isOpen = false;
  #isGone = false;
  /** Whether gradients that are made now are the last of the step. */
  #isLast = false;
  #works: Work[] = [];
  #began = 0;
  /** When backward had made its last gradient. */
  #lastHeard = 0;
  /** Of the latest step. */
  time: ReduceTime = { seconds: 0, waitedSeconds: 0 };

  /** @param parameters of one dtype and device, in the order of the forward: backward makes their gradients from the end */
  constructor(mesh: Mesh, parameters: readonly Tensor[], bucketBytes: number = BUCKET_BYTES) {
    this.#mesh = mesh;
    this.#parameters = parameters;
    const bucketOf: number[] = [];
    const views: Tensor[] = [];
    this.#buckets = noGrad(() =>
      scope(() =>
        layOutBackwards(parameters, mesh.world, bucketBytes).map((layout, number) => {
          const { members, starts, size } = layout;
          const { dtype, device } = parameters[members[0]!]!;
          const flat = zeros([size], { dtype, device }).keep();
          for (const [at, i] of members.entries()) {
            const parameter = parameters[i]!;
            views[i] = flat.narrow(0, starts[at]!, parameter.numel()).view(parameter.shape).keep();
            bucketOf[i] = number;
          }
          return { ...layout, flat, missing: 0 };
        }),
      ),
    );
    this.#views = views;
    this.#bucketOf = bucketOf;
    this.#hasGradient = parameters.map(() => false);
    this.#hearing = onGradients(parameters, (i) => this.#heard(i));
  }

  /** Before the first backward of a step: gradients begin at zero, inside the buckets. */
  begin(): void {
    this.#isOpen = true;
    this.#works = [];
    this.#hasGradient.fill(false);
    noGrad(() => {
      for (const { flat } of this.#buckets) flat.zero_();
    });
    for (const [i, parameter] of this.#parameters.entries()) parameter.grad = this.#views[i];
  }

  /** Before the last backward of a step: buckets may be sent while it goes on. Outside a step nothing is sent. */
  beforeLast(): void {
    if (!this.#isOpen) return;
    this.#isLast = true;
    for (const bucket of this.#buckets) bucket.missing = bucket.members.length;
  }

  #heard(i: number): void {
    this.#hasGradient[i] = true;
    this.#lastHeard = performance.now();
    if (!this.#isLast) return;
    this.#buckets[this.#bucketOf[i]!]!.missing--;
    // In one order on all ranks, whatever the order in which gradients are made.
    while (this.#works.length < this.#buckets.length && this.#buckets[this.#works.length]!.missing === 0) this.#send();
  }

  #send(): void {
    if (this.#works.length === 0) this.#began = performance.now();
    this.#works.push(this.#mesh.allReduce(this.#buckets[this.#works.length]!.flat));
  }

  /**
   * After the last backward of a step: what is left is sent, also by a rank that had no backward. All ranks have to come to this before they
   * ask each other anything else, since they must do so in one order.
   */
  afterLast(): void {
    if (!this.#isOpen) return;
    this.#isLast = false;
    while (this.#works.length < this.#buckets.length) this.#send();
  }

  /** Waits for the sums. A parameter that had no gradient on any rank has none afterwards. */
  finish(): void {
    this.afterLast();
    this.#isOpen = false;
    waitAll(this.#works);
    const now = performance.now();
    // Not from here: what ranks tell each other after backward has waited behind the gradients already.
    const from = Math.max(this.#began, this.#lastHeard);
    this.time = { seconds: (now - this.#began) / 1000, waitedSeconds: (now - from) / 1000 };
    const has = reduceNumbers(this.#mesh, this.#hasGradient.map(Number), 'max');
    for (const [i, parameter] of this.#parameters.entries()) if (has[i] === 0) parameter.grad = undefined;
  }

  updated(): void {}

  /** How the gradients lie, and the memory they lie in. */
  get flats(): readonly (Flat & { readonly flat: Tensor })[] {
    return this.#buckets;
  }

  /** May be called again. */
  [Symbol.dispose](): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#hearing[Symbol.dispose]();
    for (const parameter of this.#parameters) parameter.grad = undefined;
    for (const view of this.#views) view.dispose();
    for (const { flat } of this.#buckets) flat.dispose();
  }
}
