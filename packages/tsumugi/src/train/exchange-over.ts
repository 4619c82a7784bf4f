// How the ranks of a training take steps together, as its setting `shard` says.
import { ConfigError } from '../base/index.ts';
import { type LanguageModel, layerOf, Plamo2 } from '../lm/index.ts';
import {
  GradientBuckets,
  GradientShards,
  type Mesh,
  OptimizerShards,
  type Piece,
  type StepExchange,
  WeightShards,
  type WeightUnits,
} from '../mesh/index.ts';
import { namedParameters, trainable } from '../nn/index.ts';
import type { Optimizer } from '../optim/index.ts';
import type { TrainingOptimizer } from './parts.ts';
import type { Shard } from './scale/shards.ts';

/** Undefined for one process by itself, which has nobody to share with. The optimizer is cut before it has any state. */
export function exchangeOver(
  mesh: Mesh,
  shard: Shard,
  model: Plamo2,
  optimizer: TrainingOptimizer & Partial<Pick<Optimizer, 'cut'>>,
): StepExchange | undefined {
  if (mesh.world === 1) return undefined;
  if (shard === 'none') return new GradientBuckets(mesh, trainable(model));
  if (!optimizer.cut)
    throw new ConfigError('optimizer-is-whole', `shard: an optimizer of one's own without cut() cannot be ${shard}`, {
      remedy: 'Let it extend Optimizer, whose cut() gives each rank its part, or set shard=none.',
      fields: { shard },
    });
  using made = new DisposableStack();
  const exchange = made.use(shardsOf(mesh, shard, model));
  optimizer.cut(exchange.pieces);
  model.weightHolder = exchange.weights;
  made.move();
  return exchange;
}

function shardsOf(
  mesh: Mesh,
  shard: Exclude<Shard, 'none'>,
  model: Plamo2,
): StepExchange & { pieces: readonly Piece[] } {
  if (shard === 'zero1') return new OptimizerShards(mesh, trainable(model));
  if (shard === 'zero2') return new GradientShards(mesh, trainable(model));
  return new WeightShards(mesh, unitsOf(model));
}

/** Weights by layer. */
function unitsOf(model: Plamo2): WeightUnits {
  const units = Map.groupBy(namedParameters(model), ([path]) => layerOf(path) ?? 'rest');
  const of = (unit: number | 'rest') => (units.get(unit) ?? []).map(([, weight]) => weight);
  return { layers: model.model.layers.layers.map((_, index) => of(index)), rest: of('rest') };
}

/** Whether ranks gather a model's weights for each forward, so that all have to go forward equally often. */
export const gathersWeights = (model: LanguageModel): boolean =>
  model instanceof Plamo2 && model.weightHolder?.isWhole === false;
