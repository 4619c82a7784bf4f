// What a batch becomes: documents are passed where they have to be kept apart, and where they do not, the same comes out without.
import { expect, it } from 'vitest';
import { initialWeights, Plamo2, preset } from '../lm/index.ts';
import { namedParameters } from '../nn/index.ts';
import { backward, scope, tensor } from '../torch/index.ts';
import { toTensors } from './batches.ts';
import { tinyModel } from './train.testing.ts';

const [rows, columns] = [2, 40];
const batchOf = (documents: readonly number[]) => ({
  ...{ rows, columns, predicted: rows * columns, documents: Int32Array.from(documents) },
  tokens: Int32Array.from({ length: rows * columns }, (_, i) => (7 * i * i + 3) % 64),
  targets: Int32Array.from({ length: rows * columns }, (_, i) => (5 * i + 1) % 64),
});
const ofRows = (document: (row: number, column: number) => number) =>
  Array.from({ length: rows * columns }, (_, i) => document(Math.floor(i / columns), i % columns));

it('passes documents where a row has several', () => {
  scope(() => {
    expect(toTensors(batchOf(ofRows((row) => 4 + row)), 'cpu').documents).toBeUndefined();
    for (const [at, row] of [
      [39, 0],
      [1, 1],
      [20, 1],
    ] as const) {
      // biome-ignore format: pairs
      const documents = ofRows((r, c) => (r === row && c >= at ? 9 : 0));
      expect(toTensors(batchOf(documents), 'cpu').documents!.flatten().tolist()).toEqual(documents);
    }
    // The row goes back to a number that it had.
    expect(toTensors(batchOf(ofRows((_, c) => (c === 20 ? 1 : 0))), 'cpu').documents).toBeDefined();
  });
});

it.each(['mini', 'dense'] as const)('%s: the same loss and gradients to the last bit without them', (name) => {
  using model = new Plamo2(preset(name, { ...tinyModel, vocab_size: 64 }), initialWeights(3));
  const batch = batchOf(ofRows((row) => row));
  const run = (isPassed: boolean) =>
    scope(() => {
      const given = toTensors(batch, 'cpu');
      const documents = isPassed ? tensor(batch.documents, { shape: [rows, columns] }) : given.documents;
      const { loss } = model.loss({ ...given, documents });
      backward(loss);
      const gradients = namedParameters(model).map(([path, weight]) => [path, weight.grad!.flatten().tolist()]);
      for (const [, weight] of namedParameters(model)) weight.grad = undefined;
      return JSON.stringify([loss.item(), gradients]);
    });
  expect(run(false)).toBe(run(true));
});
