// What a training that is spread over ranks takes of each of them.
import type { Amount, SpaceForecast } from '../../loop/index.ts';
import type { RanksHere } from '../../mesh/index.ts';
import { parseDevice } from '../../torch/index.ts';
import { rehearseSteps, trainingSpace } from '../forecast.ts';
import type { ModelTraining } from '../model-training.ts';
import { computeType } from '../step-gradients.ts';
import { type RankCompute, type RankMemory, rankBytes, rankMemory } from './rank-memory.ts';
import { rankShape } from './ranks.ts';

/** Of a training, what says how it is spread over ranks. */
export type SpreadTraining = Pick<ModelTraining<object>, 'modelConfig' | 'phases' | 'part' | 'ranksPerRow'> & {
  readonly config: Pick<ModelTraining<object>['config'], 'device' | 'dtype' | 'shard'>;
};

/**
 * The space of a training on one of several ranks: its share of what the step itself takes; what the kind of training has beside it (a
 * teacher) is whole on each. The disk is that of all. With one rank on the CPU, in float32, it is the training's own. How much memory a GPU has is
 * not known here.
 */
export function spaceOverRanks(
  training: SpreadTraining & Pick<ModelTraining<object>, 'space'>,
  { world, onHost }: RanksHere,
): SpaceForecast {
  const { space, modelConfig, part, phases, ranksPerRow = 1 } = training;
  const { device: name, dtype, shard = 'none' } = training.config;
  const device: RankCompute['device'] = name.startsWith('cuda') ? 'cuda' : 'cpu';
  if (world === 1 && device === 'cpu' && dtype === 'float32') return space;
  const ofStep = trainingSpace(modelConfig, phases, { keepLast: 1 }, part).memory;
  const each = phases.map((phase) => {
    // What a rank has of so many whole rows that it shares is as much as fewer, shorter ones.
    const parts = {
      ...phase,
      sequenceLength: Math.ceil(phase.sequenceLength / ranksPerRow),
      gradientAccumulation: (phase.gradientAccumulation ?? 1) * ranksPerRow,
    };
    return rankMemory(modelConfig, parts, { world, shard }, part, { device, dtype });
  });
  const memory = each.reduce((a, b) => (rankBytes(b) > rankBytes(a) ? b : a));
  const runtime = device === 'cuda' ? 'CUDA and its libraries' : ofStep.at(-1)!.what;
  const { availableMemoryBytes } = space;
  return {
    ...space,
    memory: [...amountsOf(memory, world, runtime), ...space.memory.slice(ofStep.length)],
    availableMemoryBytes:
      device === 'cuda' || availableMemoryBytes === undefined ? undefined : availableMemoryBytes / onHost,
  };
}

function amountsOf(memory: RankMemory, world: number, runtime: string): Amount[] {
  const names: Record<keyof RankMemory, string> = {
    weights: world === 1 ? 'weights' : `of each of ${world} ranks: weights`,
    gradients: 'gradients',
    optimizer: 'optimizer',
    gathered: 'weights that are worked on',
    activations: 'activations',
    buffers: 'on their way between ranks',
    runtime,
  };
  return Object.entries(memory)
    .filter(([, bytes]) => bytes > 0)
    .map(([what, bytes]) => ({ what: names[what as keyof RankMemory], bytes }));
}

/** The seconds of a step of each phase, by what the busiest ranks do of it: the rows of their group, which they share. */
export function rehearseOverRanks(
  { modelConfig, phases, part, ranksPerRow = 1, config }: SpreadTraining,
  world: number,
): number[] {
  const where = { device: parseDevice(config.device), dtype: computeType(config.dtype) };
  const own = phases.map((phase) => rankShape(phase, world / ranksPerRow));
  return rehearseSteps(modelConfig, own, where, part).map((seconds) => seconds / ranksPerRow);
}
