// A rank of the tests of rows over ranks: each case in one process and over the ranks, and how far the two are apart.
import { gatherJson, openMesh, placeOf, reduceNumbers } from '../../mesh/index.ts';
import { namedParameters, parameters } from '../../nn/index.ts';
import {
  backward,
  type DType,
  memory,
  noGrad,
  Rng,
  randn,
  resetPeakMemory,
  scope,
  type Tensor,
  tensor,
} from '../../torch/index.ts';
import { type Batch, initialWeights, type LossOptions, Plamo2, type Plamo2Config } from '../index.ts';
import { smallConfig } from '../lm.testing.ts';

/** Lengths of the documents of each row. */
type Documents = readonly (readonly number[])[];

interface Case {
  length: number;
  batch?: number;
  documents?: Documents;
  config?: Partial<Plamo2Config>;
  options?: LossOptions;
  /** Whether it is compared in float32, too. */
  single?: boolean;
  /** The targets up to here, and from there on, are ignored. */
  ignored?: readonly [to: number, from: number];
}

// Parts of 41 tokens end at 20 (two ranks), 13 and 27 (three), 10, 20 and 30 (four): documents end there, beside it and far away.
const packed: Documents = [
  [10, 3, 7, 7, 4, 10],
  [21, 1, 19],
];
const full = { full_attention_idx: [1, 3] };
const cases: Record<string, Case> = {
  'one document': { length: 37, single: true, options: { zLoss: 1e-3 } },
  checkpointed: { length: 37, options: { activationCheckpointing: true } },
  packed: { length: 41, batch: 2, documents: packed, single: true, options: { zLoss: 1e-3 } },
  'packed, full attention, checkpointed': {
    length: 41,
    batch: 2,
    documents: packed,
    config: full,
    options: { activationCheckpointing: true },
  },
  'full attention': { length: 150, config: full, single: true },
  'sums, of some targets': { length: 37, batch: 2, options: { reduction: 'sum', zLoss: 0.1 }, ignored: [12, 30] },
  // A window and taps that reach over several parts, and to the beginning of the row.
  'parts shorter than the window': { length: 7, config: { attention_window_size: 5 } },
  'a token or two each': { length: 5, config: full },
  'the smallest window': { length: 23, config: { attention_window_size: 1 } },
};

const ints = (values: number[], shape: number[], dtype: DType) => tensor(values, { dtype, shape });

function batchOf({ length, batch = 1, documents, ignored = [0, length] }: Case, changed?: number): Batch {
  const shape = [batch, length];
  const tokens = Array.from({ length: batch }, (_, b) =>
    Array.from({ length: length + 1 }, (_, i) => (i * i * 31 + i * 97 + b * 13) % 300),
  );
  if (changed !== undefined) for (const row of tokens) row[changed] = (row[changed]! + 1) % 300;
  const isIgnored = (t: number) => t < ignored[0] || t >= ignored[1];
  return {
    ids: ints(
      tokens.flatMap((row) => row.slice(0, -1)),
      shape,
      'int64',
    ),
    targets: ints(
      tokens.flatMap((row) => row.slice(1).map((token, t) => (isIgnored(t) ? -100 : token))),
      shape,
      'int64',
    ),
    documents:
      documents &&
      ints(
        // The number of a document may come again: it is another one all the same.
        documents.flatMap((row) => row.flatMap((size, number) => Array<number>(size).fill(number % 2))),
        shape,
        'int32',
      ),
  };
}

const largest = (x: Tensor) => x.abs().max().item();

using mesh = await openMesh(placeOf()!);
const row = await mesh.group(
  'row',
  Array.from({ length: mesh.world }, (_, rank) => rank),
);

function modelOf(config: Partial<Plamo2Config>, dtype: DType): Plamo2 {
  const weights = initialWeights(1);
  // Weights of norms are all 0 or all 1 at first; taken apart, so that none stands for another.
  const rng = new Rng(2);
  return new Plamo2(smallConfig(config), (name, shape) =>
    scope(() => {
      const weight = weights(name, shape).to(dtype);
      return shape.length === 1 ? weight.add(randn(shape, rng).mul(0.1).to(dtype)) : weight;
    }),
  );
}

export interface Comparison {
  loss: number;
  gradient: number;
  /** The parameter with the largest difference. */
  worst: string;
}

/** Loss and gradients over the ranks against those of one process: the largest difference, relative to the largest value. */
function compare(each: Case, dtype: DType): Comparison | undefined {
  using model = modelOf(each.config ?? {}, dtype);
  return scope(() => {
    const batch = batchOf(each);
    const parts = (options: LossOptions) => {
      const found = model.loss(batch, { ...each.options, ...options });
      backward(found.loss);
      const { loss, crossEntropy, meanSquaredLogsumexp, count } = found;
      const squares = meanSquaredLogsumexp.mul(count);
      const numbers = [loss, crossEntropy, squares, count].map((x) => x.item());
      const gradients = namedParameters(model).map(([name, parameter]) => [name, parameter.grad!] as const);
      for (const [, parameter] of namedParameters(model)) parameter.grad = undefined;
      return { numbers, gradients };
    };
    const ours = parts({ sequenceParallel: row });
    const numbers = reduceNumbers(mesh, ours.numbers);
    noGrad(() => {
      for (const [, sum] of ours.gradients) mesh.allReduce(sum).wait();
    });
    if (mesh.rank > 0) return undefined;
    const alone = parts({});
    const loss = Math.max(...numbers.map((x, i) => Math.abs(x / alone.numbers[i]! - 1)));
    let [gradient, worst] = [0, ''];
    for (const [i, [name, sum]] of ours.gradients.entries()) {
      const wanted = alone.gradients[i]![1];
      const difference = largest(sum.sub(wanted)) / largest(wanted);
      if (!(difference <= gradient)) [gradient, worst] = [difference, name];
    }
    return { loss, gradient, worst };
  });
}

/** Where hidden states change when token `changed` does, over all ranks. */
function reached(each: Case, changed: number): number[] {
  using model = modelOf(each.config ?? {}, 'float32');
  return noGrad(() =>
    scope(() => {
      const hidden = [undefined, changed].map((token) => {
        const { ids, documents } = batchOf(each, token);
        return model.forward(ids, { documents, sequenceParallel: row });
      });
      const differences = hidden[0]!.sub(hidden[1]!).abs().amax([0, 2]).tolist() as number[];
      return gatherJson(mesh, differences)
        .flat()
        .flatMap((difference, t) => (difference === 0 ? [] : [t]));
    }),
  );
}

/** The most that tensors take in a training step on a row, beside what is there before. */
function peakBytes(model: Plamo2, length: number, options: LossOptions): number {
  const batch = batchOf({ length });
  const before = memory().liveBytes;
  resetPeakMemory();
  scope(() => backward(model.loss(batch, options).loss));
  const peak = memory().peakBytes - before;
  for (const parameter of parameters(model)) parameter.grad = undefined;
  return peak;
}

/** What this rank holds of a row beside what one process does. */
function held(config: Partial<Plamo2Config>): number {
  using model = modelOf(config, 'float32');
  return scope(() => {
    const options = { activationCheckpointing: false };
    const ours = peakBytes(model, 768, { ...options, sequenceParallel: row });
    return ours / peakBytes(model, 768, options);
  });
}

const results: Record<string, unknown> = {};
for (const [name, each] of Object.entries(cases))
  results[name] = [compare(each, 'float64'), ...(each.single ? [compare(each, 'float32')] : [])];
// A secret in a document of a pack, whatever the layers are, and one at the end of a part.
const pack: Case = { length: 41, documents: [[10, 3, 14, 14]] };
results['reached'] = [
  reached(pack, 15),
  reached({ ...pack, config: full }, 15),
  reached({ ...pack, config: full }, 26),
];
results['held'] = mesh.world === 2 ? gatherJson(mesh, [held({}), held(full)]) : [];
if (mesh.rank === 0) console.log(JSON.stringify(results));
