// The complete state of a GAN in training: weights and buffers (the vectors u of spectral normalization, running
// statistics), the moving average, both optimizers and the streams. From a checkpoint it goes on bit for bit.
import { z } from 'zod';
import { loadTensors, type Module, namedTensors } from '../nn/index.ts';
import type { Optimizer } from '../optim/index.ts';
import type { CheckpointContent, LoadedCheckpoint } from '../store/index.ts';
import { scope } from '../torch/index.ts';
import type { GanTrainer } from './trainer.ts';

const steps = z.record(z.string(), z.int().nonnegative());
const stream = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'not bytes');
const savedSchema = z.strictObject({
  optimizers: z.strictObject({ G: steps, D: steps }),
  streams: z.strictObject({ noise: stream, labels: stream, epsilons: stream }),
});

const networksOf = ({ G, D, average }: GanTrainer): [group: string, Module][] => [
  ['generator', G],
  ['discriminator', D],
  ...(average ? [['average', average.network] as [string, Module]] : []),
];

/** What a checkpoint of the trainer holds. */
export function ganState(trainer: GanTrainer): CheckpointContent {
  const { optimizers, streams } = trainer;
  const [G, D] = [optimizers.G.state(), optimizers.D.state()];
  const state: z.output<typeof savedSchema> = {
    optimizers: { G: G.steps, D: D.steps },
    streams: { noise: streams.noise.state, labels: streams.labels.state, epsilons: streams.epsilons.state },
  };
  return {
    tensors: {
      ...Object.fromEntries(networksOf(trainer).map(([group, network]) => [group, namedTensors(network)])),
      'optimizer-generator': Object.entries(G.tensors),
      'optimizer-discriminator': Object.entries(D.tensors),
    },
    state: { ...state },
  };
}

/** Puts a trainer into the state of a checkpoint. @throws CheckpointError when it is of other networks */
export function restoreGan(trainer: GanTrainer, checkpoint: LoadedCheckpoint): void {
  const { optimizers, streams } = checkpoint.stateAs(savedSchema);
  const restoreOptimizer = (optimizer: Optimizer, group: string, steps: Record<string, number>) => {
    const saved = checkpoint.tensors(group);
    optimizer.loadState({ tensors: Object.fromEntries(saved.names.map((name) => [name, saved.tensor(name)])), steps });
  };
  scope(() => {
    for (const [group, network] of networksOf(trainer)) {
      const saved = checkpoint.tensors(group);
      loadTensors(network, (path) => (saved.has(path) ? saved.tensor(path) : undefined), saved.names);
    }
    restoreOptimizer(trainer.optimizers.G, 'optimizer-generator', optimizers.G);
    restoreOptimizer(trainer.optimizers.D, 'optimizer-discriminator', optimizers.D);
  });
  for (const name of ['noise', 'labels', 'epsilons'] as const) trainer.streams[name].state = streams[name];
  trainer.step = checkpoint.step;
}
