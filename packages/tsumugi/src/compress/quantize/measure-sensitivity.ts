// What quantizing one matrix alone costs: the text goes through the model with that matrix rounded, and the next-token distributions are
// compared with the model's own. One layer is in memory at a time; the text as each changed model sees it goes on with it:
//
//   cost of (matrix of layer l, bits) = mean over positions of KL(P ‖ Q),   Q: layers 0 … l − 1 as they are, l with the matrix rounded,
//   then l + 1 … as they are
import { setImmediate } from 'node:timers/promises';
import { type Block, buildBlock, idsRow, layerOf, Plamo2, RopeTables, withinLayer } from '../../lm/index.ts';
import { type Linear, moduleAt } from '../../nn/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import type { PlannedMatrix } from './matrices.ts';
import type { LayerCosts } from './sensitivity-manifest.ts';
import type { SourceModel } from './source.ts';

export interface Measurement {
  readonly source: SourceModel;
  /** Ids of each text. */
  readonly texts: readonly (readonly number[])[];
  /** Each matrix with each number of bits that is to be measured. */
  readonly candidates: readonly PlannedMatrix[];
  /** The weight [out, in] as it is with so many bits. */
  round(weight: Tensor, matrix: PlannedMatrix): Tensor;
  /** Layers that are known. */
  readonly known: readonly LayerCosts[];
  onLayer(costs: LayerCosts): void;
  /** Called with the share that is done; may wait, and may throw to end it. */
  onShare?: ((share: number, layer: number) => unknown) | undefined;
}

/** [1, T, D] of each text. */
type States = Tensor[];

const drop = (states: States) => {
  for (const each of states) each.dispose();
};

/** Costs of each layer, from the first that is not known. */
export async function measureSensitivity(measurement: Measurement): Promise<void> {
  const { source, texts, known, candidates, onLayer, onShare } = measurement;
  const { config } = source;
  const layers = config.num_hidden_layers;
  using stack = new DisposableStack();
  const rope = stack.use(new RopeTables());
  // Embedding, last norm and head: the model without its layers.
  const ends = stack.use(new Plamo2({ ...config, num_hidden_layers: 0 }, (name) => source.shared(name)));
  const pass = (block: Block, states: States): States =>
    noGrad(() => states.map((x) => scope(() => block.forward(x, { rope, offset: 0 }).keep())));
  const through = async (layer: number, then: (block: Block) => void): Promise<void> => {
    using block = buildBlock(config, layer, (name) => source.read(name));
    then(block);
    await setImmediate(); // Ctrl-C is heard between layers
  };

  // The text before each layer, and after the last.
  const own: States[] = [texts.map((ids) => embedded(ends, ids))];
  stack.defer(() => own.forEach(drop));
  for (let layer = 0; layer < layers; layer++) await through(layer, (block) => own.push(pass(block, own[layer]!)));

  const of = (layer: number) => candidates.filter(({ path }) => layerOf(path) === layer);
  const work = Array.from({ length: layers }, (_, layer) => of(layer).length * (layers - layer));
  const added = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  let done = added(work.slice(0, known.length));
  for (let first = known.length; first < layers; first++) {
    const matrices = of(first);
    let changed: States[] = [];
    using _dropped = { [Symbol.dispose]: () => changed.forEach(drop) };
    for (let layer = first; layer < layers; layer++) {
      await through(layer, (block) => {
        if (layer === first) {
          const input = own[first]!;
          changed = matrices.map((each) => withRounded(block, each, measurement, () => pass(block, input)));
          return;
        }
        for (const [i, states] of changed.entries()) {
          changed[i] = pass(block, states);
          drop(states);
        }
      });
      done += matrices.length;
      await onShare?.(done / added(work), first);
    }
    onLayer(costsOf(matrices, divergences(ends, own[layers]!, changed)));
  }
}

const embedded = (ends: Plamo2, ids: readonly number[]): Tensor =>
  noGrad(() => scope(() => ends.model.embed_tokens.forward(idsRow(ids)).to('float32').keep()));

/** Does something while one matrix of the layer is rounded. */
function withRounded<T>(block: Block, matrix: PlannedMatrix, { round }: Measurement, body: () => T): T {
  const weight = (moduleAt(block, withinLayer(matrix.path)) as Linear).weight.detach();
  using before = weight.clone();
  noGrad(() => scope(() => weight.copy_(round(weight, matrix))));
  try {
    return body();
  } finally {
    noGrad(() => weight.copy_(before));
    weight.dispose();
  }
}

/** Positions whose logits are in memory together. */
const rows = 32;

/** Mean KL(P ‖ Q) over all positions, for each changed model's last hidden states. */
function divergences(ends: Plamo2, own: States, changed: readonly States[]): number[] {
  const sums = changed.map(() => 0);
  let positions = 0;
  const logProbabilities = (hidden: Tensor, start: number, length: number): Tensor =>
    ends
      .logits(ends.model.norm.forward(hidden.narrow(1, start, length)))
      .double()
      .logSoftmax(-1);
  noGrad(() => {
    for (const [text, hidden] of own.entries()) {
      const tokens = hidden.size(1);
      positions += tokens;
      for (let start = 0; start < tokens; start += rows) {
        const length = Math.min(rows, tokens - start);
        scope(() => {
          const p = logProbabilities(hidden, start, length);
          const weight = p.exp();
          for (const [i, states] of changed.entries())
            sums[i]! += scope(() =>
              weight
                .mul(p.sub(logProbabilities(states[text]!, start, length)))
                .sum()
                .item(),
            );
        });
      }
    }
  });
  return sums.map((sum) => Math.max(0, sum / positions));
}

function costsOf(matrices: readonly PlannedMatrix[], found: readonly number[]): LayerCosts {
  const costs: LayerCosts = {};
  for (const [i, { path, bits }] of matrices.entries()) costs[path] = { ...costs[path], [bits]: found[i]! };
  return costs;
}
