// How ranks take a step together: who holds and updates what, and what goes over the wire for it.
import type { Tensor } from '../torch/index.ts';

/** The part of a parameter that a rank updates. */
export interface Piece {
  readonly parameter: Tensor;
  /** Its first element, of the parameter flattened. */
  readonly from: number;
  /** Its elements, as a flat tensor over the very memory, without any where the rank owns none. Its `.grad` is the gradient, if there is one. */
  readonly values: Tensor;
}

/** How long gradients were under way, and for how many of these seconds no backward pass went on. */
export interface ReduceTime {
  seconds: number;
  waitedSeconds: number;
}

/** A step goes through `begin`, backward passes, `finish`, the update, `updated`. */
export interface StepExchange extends Disposable {
  /** Of the latest step's gradients. */
  readonly time: ReduceTime;
  /** What this rank updates, of each parameter in turn; undefined where every rank updates all of them. */
  readonly pieces: readonly Piece[] | undefined;
  /** Whether each parameter has its whole gradient after `finish`; otherwise it has none then, but its piece has its own. */
  readonly hasWholeGradients: boolean;
  /** Before the first backward of a step. */
  begin(): void;
  /** Before the last backward of a step. Outside a step nothing is sent. */
  beforeLast(): void;
  /** After each backward. Where it is asked for, all ranks have to go backward equally often. */
  afterBackward?(): void;
  /** When a rank has gone backward for the last time in a step, before it asks the others for anything else: what is left is sent. */
  afterLast(): void;
  /** After the last backward of a step: gradients are those of all ranks. A parameter that had no gradient on any rank has none. */
  finish(): void;
  /** After the update of what this rank updates. */
  updated(): void;
  /** What holds the weights, where a rank has only its part of them, and a layer's while that computes. */
  readonly weights?: CutWeights;
}

/** Weights of which a rank has its part. All ranks call these alike. */
export interface CutWeights {
  /** Whether all weights are there: then nothing is gathered for a forward. */
  readonly isWhole: boolean;
  /** The weights as they are now are what is cut. Until then all of them are there. */
  settle(): void;
  /** All weights are there until `release`. */
  gather(): void;
  /** None is. */
  release(): void;
  beforeForward(): void;
  beforeLayer(index: number): void;
  afterLayer(index: number, output: Tensor): void;
}
