// What a checkpoint holds of one model and one optimizer, beside what the kind of training remembers itself. Frozen parameters are
// not in it: they are those of the model that the run began with, which is among its inputs by its hash.
import { z } from 'zod';
import { copyTensors, type Module, namedTrainable } from '../nn/index.ts';
import { findNotFinite, type Optimizer, type StatePart } from '../optim/index.ts';
import type { CheckpointContent, LoadedCheckpoint, State, TensorPiece } from '../store/index.ts';
import { scope, type Tensor } from '../torch/index.ts';
import { divergedInUpdate } from './divergence.ts';
import type { GradientStep } from './gradient-step.ts';

/** A model in training. */
export interface Trained {
  model: Module;
  optimizer: Pick<Optimizer, 'state' | 'loadState'>;
}

const savedSchema = z.strictObject({
  /** Updates of each parameter. */
  steps: z.record(z.string(), z.int().nonnegative()),
  task: z.unknown(),
});

/**
 * The content of the checkpoint of step `step`; `task` is what a run that goes on must know besides weights and optimizer.
 *
 * @throws UserError `diverged` when a weight, or the optimizer's memory of one, is not finite
 */
export function trainingState(
  { model, optimizer, exchange }: Trained & Partial<Pick<GradientStep, 'exchange'>>,
  task: State,
  step: number,
  saved: number,
): CheckpointContent {
  const { tensors, steps, parts } = optimizer.state();
  const pieceOf = new Map(exchange?.weights && exchange.pieces?.map((piece) => [piece.parameter, piece]));
  const groups = {
    model: namedTrainable(model).map(([name, parameter]) => {
      const piece = pieceOf.get(parameter);
      return entryOf(name, piece?.values ?? parameter, piece && { shape: parameter.shape, from: piece.from });
    }),
    optimizer: Object.entries(tensors).map(([name, tensor]) => entryOf(name, tensor, parts?.[name])),
  };
  const all = [...groups.model, ...groups.optimizer];
  const broken = findNotFinite(all.map((entry) => ('name' in entry ? [entry.name, entry.tensor] : entry)));
  if (broken) throw divergedInUpdate(step, broken, saved);
  return { tensors: groups, state: { steps, task } };
}

/** A tensor as a checkpoint takes it: whole, or a piece of which other ranks have the rest. */
const entryOf = (
  name: string,
  tensor: Tensor,
  place: StatePart | undefined,
): [string, Tensor] | (TensorPiece & { tensor: Tensor }) => (place ? { name, ...place, tensor } : [name, tensor]);

/** Puts model and optimizer into the state of a checkpoint; returns its step. @throws CheckpointError when it is of others */
export function restore({ model, optimizer }: Trained, checkpoint: LoadedCheckpoint): number {
  const { steps } = checkpoint.stateAs(savedSchema);
  scope(() => {
    const weights = checkpoint.tensors('model');
    const trained = namedTrainable(model);
    copyTensors(trained, (path) => (weights.has(path) ? weights.tensor(path) : undefined), weights.names);
    const saved = checkpoint.tensors('optimizer');
    const tensors = Object.fromEntries(saved.names.map((name) => [name, saved.tensor(name)]));
    optimizer.loadState({ tensors, steps });
  });
  return checkpoint.step;
}

/** What the kind of training remembered in a checkpoint. @throws CheckpointError when that is not what `schema` says */
export const remembered = <T>(checkpoint: LoadedCheckpoint, schema: z.ZodType<T>): T =>
  checkpoint.stateAs(savedSchema.extend({ task: schema })).task;
