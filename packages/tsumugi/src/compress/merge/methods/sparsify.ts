// What is kept of a δ: its largest entries (TIES), random ones (DARE), random ones by rank (DELLA), all but the largest and
// smallest (Model Breadcrumbs). Rescaled, a δ keeps its L1 norm: that is 1/density in expectation, and exact.
import { deriveSeed } from '../../../base/index.ts';
import { arange, callOperator, Rng, type Tensor, zerosLike } from '../../../torch/index.ts';
import { cutsAt, largest } from '../order-statistics.ts';
import { eachPiece, type Piece } from '../tensor-group.ts';
import { type MergeInput, numberOf, refuse } from './method.ts';

export type Sparsification = 'magnitude' | 'random' | 'rank' | 'outliers';

/** Which entries of a piece of δ are kept. Pieces come in order. */
type Keep = (delta: Tensor, row: number) => Tensor;

/** Makes a `Keep` that begins at the first piece. */
type Keeper = (input: MergeInput, model: number) => () => Keep;

const size = ({ rows, columns }: MergeInput) => rows * columns;
export const deltaOf = ({ base, models }: Piece, model: number): Tensor => models[model]!.sub(base!);

const magnitudes = (input: MergeInput, model: number) => (see: (numbers: Tensor) => void) =>
  eachPiece(input, (piece) => see(deltaOf(piece, model).abs()));

const nothingKept = (input: MergeInput, density: number) =>
  refuse(
    'nothing-kept',
    input,
    `density ${density} keeps none of ${size(input)} entries`,
    'Raise the density, for this tensor by a filter; weight 0 leaves a model out.',
  );

/** How many entries `density` keeps, of those of a tensor. @throws UserError when it is none */
function keptOf(input: MergeInput, model: number): number {
  const density = numberOf(input.own[model]!, 'density');
  const kept = Math.floor(density * size(input));
  if (kept === 0) throw nothingKept(input, density);
  return kept;
}

const magnitude: Keeper = (input, model) => {
  const [cut] = cutsAt([keptOf(input, model)], magnitudes(input, model));
  return () => {
    const isLargest = largest(cut!);
    return (delta) => isLargest(delta.abs());
  };
};

/** How many entries `gamma` and `density` drop at both ends. */
function outlierCounts(input: MergeInput, model: number): { dropped: number; kept: number } {
  const gamma = numberOf(input.own[model]!, 'gamma');
  const n = size(input);
  const kept = keptOf(input, model);
  const dropped = Math.min(Math.floor(gamma * n), n - kept);
  if (dropped === 0 && gamma > 0)
    throw refuse(
      'no-outlier',
      input,
      `gamma ${gamma} drops none of the largest of ${n} entries`,
      'Raise gamma, or set it to 0 where no outlier is to be dropped; a filter does it for single tensors.',
    );
  return { dropped, kept };
}

const outliers: Keeper = (input, model) => {
  const { dropped, kept } = outlierCounts(input, model);
  const counts = dropped > 0 ? [dropped + kept, dropped] : [kept];
  const cuts = cutsAt(counts, magnitudes(input, model));
  return () => {
    const [within, outside] = cuts.map(largest);
    return (delta) => {
      const size = delta.abs();
      const inside = within!(size);
      return outside ? inside.logicalAnd(outside(size).logicalNot()) : inside;
    };
  };
};

/** The stream of a piece of a model's δ: it depends on the tensor's name and not on which were merged before. */
const streamOf = ({ seed, name }: MergeInput, model: number, row: number) =>
  new Rng(deriveSeed(seed, 'merge', name, model, row));

const random: Keeper = (input, model) => {
  const density = numberOf(input.own[model]!, 'density');
  if (density === 0) throw nothingKept(input, density);
  return () => (delta, row) =>
    zerosLike(delta)
      .bernoulli_(density, { rng: streamOf(input, model, row) })
      .bool();
};

const rank: Keeper = (input, model) => {
  const density = numberOf(input.own[model]!, 'density');
  const epsilon = numberOf(input.own[model]!, 'epsilon');
  if (density - epsilon <= 0 || density + epsilon >= 1)
    throw refuse(
      'bad-epsilon',
      input,
      `density ${density} ± epsilon ${epsilon} must lie between 0 and 1`,
      'Choose an epsilon smaller than density and than 1 − density.',
    );
  const { columns } = input;
  return () => (delta, row) => {
    const order = (x: Tensor) => (callOperator('aten::sort.stable', x, true, -1, false) as Tensor[])[1]!;
    const places = arange(columns, { dtype: delta.dtype }).expand(delta.shape).contiguous();
    const ranks = zerosLike(delta).scatter_(-1, order(delta.abs()), places);
    const share = columns > 1 ? ranks.div(columns - 1) : ranks.add(0.5);
    const probability = share.mul(2 * epsilon).add(density - epsilon);
    return zerosLike(delta)
      .bernoulli_(probability, { rng: streamOf(input, model, row) })
      .bool();
  };
};

const keepers: Readonly<Record<Sparsification, Keeper>> = { magnitude, random, rank, outliers };

/** The δ of a model, sparsified: [rows, columns]. Pieces come in order. */
export type SparseDelta = (piece: Piece) => Tensor;

/** Below this an L1 norm is taken for 0, and nothing is rescaled. */
const leastNorm = 1e-7;

export function sparsified(input: MergeInput, model: number, how: Sparsification, rescale: boolean): SparseDelta {
  if (numberOf(input.own[model]!, 'density') >= 1) return (piece) => deltaOf(piece, model);
  const keeper = keepers[how](input, model);
  let factor = 1;
  if (rescale) {
    const keep = keeper();
    let [before, after] = [0, 0];
    eachPiece(input, (piece) => {
      const magnitude = deltaOf(piece, model).abs();
      before += magnitude.sum({ dtype: 'float64' }).item();
      after += magnitude
        .mul(keep(deltaOf(piece, model), piece.row))
        .sum({ dtype: 'float64' })
        .item();
    });
    if (before >= leastNorm && after >= leastNorm) factor = before / after;
  }
  const keep = keeper();
  return (piece) => {
    const delta = deltaOf(piece, model);
    return delta.mul(keep(delta, piece.row)).mul_(factor);
  };
}
