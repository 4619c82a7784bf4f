// What a training that is spread over ranks takes of each of them.
import type { Amount, SpaceForecast } from '../../loop/index.ts';
import { trainingSpace } from '../forecast.ts';
import type { ModelTraining } from '../model-training.ts';
import { type RankMemory, rankBytes, rankMemory } from './rank-memory.ts';
import type { Ranks } from './ranks.ts';

/** The ranks of a run, of which some share the memory of this host. */
export interface RanksHere extends Ranks {
  /** Ranks on this host. */
  onHost: number;
}

/**
 * The space of a training on one of several ranks: its share of what the step itself takes; what the kind of training has beside it (a
 * teacher) is whole on each. The disk is that of all. With one rank it is the training's own.
 */
export function spaceOverRanks(
  training: Pick<ModelTraining<object>, 'space' | 'modelConfig' | 'phases' | 'part' | 'ranksPerRow'>,
  ranks: RanksHere,
): SpaceForecast {
  const { space, modelConfig, part, ranksPerRow = 1 } = training;
  // What a rank has of so many whole rows that it shares is as much as fewer, shorter ones.
  const phases = training.phases.map((phase) => ({
    ...phase,
    sequenceLength: Math.ceil(phase.sequenceLength / ranksPerRow),
    gradientAccumulation: (phase.gradientAccumulation ?? 1) * ranksPerRow,
  }));
  if (ranks.world === 1) return space;
  const ofStep = trainingSpace(modelConfig, phases, { keepLast: 1 }, part).memory;
  const each = phases.map((phase) => rankMemory(modelConfig, phase, ranks, part));
  const memory = each.reduce((a, b) => (rankBytes(b) > rankBytes(a) ? b : a));
  return {
    ...space,
    memory: [...amountsOf(memory, ranks.world, ofStep.at(-1)!.what), ...space.memory.slice(ofStep.length)],
    availableMemoryBytes: space.availableMemoryBytes / ranks.onHost,
  };
}

function amountsOf(memory: RankMemory, world: number, runtime: string): Amount[] {
  const names: Record<keyof RankMemory, string> = {
    weights: `of each of ${world} ranks: weights`,
    gradients: 'gradients',
    optimizer: 'optimizer',
    gathered: 'weights of layers that are worked on',
    activations: 'activations',
    buffers: 'gradients on their way',
    runtime,
  };
  return Object.entries(memory)
    .filter(([, bytes]) => bytes > 0)
    .map(([what, bytes]) => ({ what: names[what as keyof RankMemory], bytes }));
}
