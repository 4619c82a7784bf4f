// A GAN whose losses or weights are no longer finite: which network, which update, which tensors.
import { UserError } from '../base/index.ts';
import { describeDiagnosis, describeNotFinite, diagnose, namedTensors } from '../nn/index.ts';
import { findNotFinite } from '../optim/index.ts';
import type { GanTrainer, StepLosses } from './trainer.ts';

/** What is not finite among the losses of a step, in words; undefined when all are. */
function faultyLoss({ generator, discriminator }: StepLosses): string | undefined {
  if (!Number.isFinite(generator)) return `the generator's loss is ${generator}`;
  const update = discriminator.findIndex((loss) => !Number.isFinite(loss));
  if (update < 0) return undefined;
  const which = discriminator.length > 1 ? ` in update ${update + 1} of ${discriminator.length}` : '';
  return `the discriminator's loss is ${discriminator[update]}${which}`;
}

/** The first tensors of both networks that are not finite, in words; undefined when all weights and gradients are. */
function faultyTensors({ G, D, optimizers, average }: GanTrainer): string | undefined {
  const found = Object.entries({ generator: G, discriminator: D }).flatMap(([name, network]) => {
    const diagnosis = diagnose(network);
    return diagnosis.culprits.length > 0 ? [`${name}: ${describeDiagnosis(diagnosis)}`] : [];
  });
  if (found.length > 0) return found.join('; ');
  // What else a checkpoint holds.
  const kept = [
    ...Object.entries(optimizers.G.state().tensors).map(([name, each]) => [`generator's ${name}`, each] as const),
    ...Object.entries(optimizers.D.state().tensors).map(([name, each]) => [`discriminator's ${name}`, each] as const),
    ...(average ? namedTensors(average.network).map(([name, each]) => [`average of ${name}`, each] as const) : []),
  ];
  const broken = findNotFinite(kept);
  return broken && `the ${describeNotFinite(broken)}`;
}

/**
 * @param saved step of the last checkpoint, 0 without one
 * @throws UserError `diverged` when a loss of the step that was just taken is not finite
 */
export function requireFiniteLosses(trainer: GanTrainer, losses: StepLosses, saved: number): void {
  const loss = faultyLoss(losses);
  if (loss === undefined) return;
  throw diverged(
    trainer.step,
    `${loss}; ${faultyTensors(trainer) ?? 'every weight and gradient is finite'}`,
    saved,
    losses,
  );
}

/**
 * Before weights are saved or drawn: the losses alone tell of them a step later.
 *
 * @param saved step of the last checkpoint, 0 without one
 * @throws UserError `diverged` when anything that a checkpoint holds is not finite
 */
export function requireFiniteWeights(trainer: GanTrainer, saved: number): void {
  const tensors = faultyTensors(trainer);
  if (tensors !== undefined) throw diverged(trainer.step, tensors, saved);
}

function diverged(step: number, what: string, saved: number, losses: Partial<StepLosses> = {}): UserError {
  const rate = 'a lower learningRate, or a method that bounds the discriminator (sn)';
  return new UserError('diverged', `training diverged at step ${step}: ${what}`, {
    remedy:
      saved > 0
        ? `The checkpoint of step ${saved} is intact. Start anew in another --out, with ${rate}.`
        : `No checkpoint was written yet. Start anew in another --out, with ${rate}.`,
    fields: { step, ...losses, checkpoint: saved },
  });
}
