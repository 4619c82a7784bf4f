// Activation checkpointing (Chen et al. 2016, arXiv 1604.06174): a segment's activations are made again during backward.
// The addon drops what operators save while the segment runs, and calls back to run it once more when backward asks for any
// of it (packages/native/src/checkpoint.cc).
import { type StatefulStream, synchronous, TsumugiError, watchStreams } from '../base/index.ts';
import { explain } from './explain.ts';
import { enableGrad, isGradEnabled } from './grad-mode.ts';
import { native } from './native.ts';
import { scope } from './scope.ts';
import { Tensor } from './tensor.ts';

/** Carries what JavaScript threw through libtorch. */
class ThrownAgain extends TsumugiError {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super('thrown-again', 'a function that backward called threw', { cause: thrown });
    this.thrown = thrown;
  }
}

/** What to throw for an error out of the engine: a segment's own error as it was. */
export function explainBackward(error: unknown, operator: string, tensors: readonly Tensor[]): unknown {
  if (error instanceof ThrownAgain) return error.thrown;
  return explain(error, operator, tensors);
}

/** Runs `body`, which libtorch's engine has called: what it throws comes out of `explainBackward` as it was. */
export function carryThrown<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof ThrownAgain ? error : new ThrownAgain(error);
  }
}

type States = Map<StatefulStream, unknown>;

/** Runs `body` and notes the states that the streams it uses had before. */
function noting<T>(states: States, body: () => T): T {
  const before = watchStreams((stream) => {
    before?.(stream);
    if (states.has(stream)) return;
    states.set(stream, undefined); // reading the state is a use too
    states.set(stream, stream.state);
  });
  try {
    return body();
  } finally {
    watchStreams(before);
  }
}

/** Runs `body` with streams set back, and puts them where they were. */
function setBack<T>(states: States, body: () => T): T {
  const now = [...states.keys()].map((stream) => [stream, stream.state] as const);
  try {
    for (const [stream, state] of states) stream.state = state;
    return body();
  } finally {
    for (const [stream, state] of now) stream.state = state;
  }
}

/**
 * `segment(...inputs)` without keeping its activations: backward makes them again by running the segment once more, with the
 * same random numbers. Gradients are those without checkpointing, however the graph is gone through. The segment must do
 * the same each time. What it made outside itself must still be there: what it reads should be inputs or parameters.
 */
export function checkpoint<T>(segment: (...inputs: Tensor[]) => T, ...inputs: Tensor[]): T {
  const run = (given: Tensor[]) => synchronous('checkpoint', segment, ...given);
  if (!isGradEnabled()) return run(inputs);
  const states: States = new Map();
  return native().checkpoint(
    inputs.map((input) => input.handle),
    () => noting(states, () => scope(() => run(inputs))),
    (handles) =>
      carryThrown(() =>
        setBack(states, () => scope(() => void enableGrad(() => run(handles.map((each) => new Tensor(each)))))),
      ),
  );
}
