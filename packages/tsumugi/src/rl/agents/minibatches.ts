// The order in which rows are learnt from.
import type { RandomStream } from '../../base/index.ts';

/**
 * Minibatches of exactly `size` rows of `count`: every epoch is a new order of all rows, and a batch that an epoch does not fill
 * goes on with the next one's (Chainer's SerialIterator). It stops after the batch in which the last epoch ends.
 */
export function* minibatches(count: number, size: number, epochs: number, stream: RandomStream): Generator<Int32Array> {
  const order = Int32Array.from({ length: count }, (_, row) => row);
  stream.shuffle(order);
  let [at, epoch] = [0, 0];
  while (epoch < epochs) {
    const batch = new Int32Array(size);
    for (let filled = 0; filled < size; ) {
      const taken = order.subarray(at, at + size - filled);
      batch.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (at < count) continue;
      [at, epoch] = [0, epoch + 1];
      stream.shuffle(order);
    }
    yield batch;
  }
}

/** Consecutive steps of one environment: rows `first`, `first + N`, … */
export interface Sequence {
  first: number;
  length: number;
}

/** The pieces of a rollout that belong together: cut where an episode ends, and after `longest` steps. */
export function sequencesOf(last: Uint8Array, environments: number, longest = Infinity): Sequence[] {
  const sequences: Sequence[] = [];
  for (let i = 0; i < environments; i++) {
    let [first, length] = [i, 0];
    for (let row = i; row < last.length; row += environments) {
      length++;
      if (!last[row] && length < longest && row + environments < last.length) continue;
      sequences.push({ first, length });
      [first, length] = [row + environments, 0];
    }
  }
  return sequences;
}

/**
 * Batches of sequences with exactly `size` steps each, in a new order every epoch: what is too long is cut, and its rest opens
 * the next batch. The last batch of an epoch has what is left.
 */
export function* sequenceBatches(
  sequences: readonly Sequence[],
  environments: number,
  size: number,
  epochs: number,
  stream: RandomStream,
): Generator<Sequence[]> {
  for (let epoch = 0; epoch < epochs; epoch++) {
    const stack = stream.shuffle([...sequences]);
    while (stack.length > 0) {
      const batch: Sequence[] = [];
      for (let room = size; room > 0 && stack.length > 0; ) {
        const next = stack.pop()!;
        const length = Math.min(room, next.length);
        batch.push({ first: next.first, length });
        room -= length;
        if (length < next.length)
          stack.push({ first: next.first + length * environments, length: next.length - length });
      }
      yield batch;
    }
  }
}
