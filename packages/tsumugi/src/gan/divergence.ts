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
 * @param thorough look through all weights, too, before they are saved; the losses alone tell of them a step later
 * @param saved step of the last checkpoint, 0 without one
 * @throws UserError `diverged`
 */
export function requireFinite(trainer: GanTrainer, losses: StepLosses, thorough: boolean, saved: number): void {
  const loss = faultyLoss(losses);
  if (loss === undefined && !thorough) return;
  const tensors = faultyTensors(trainer);
  if (loss === undefined && tensors === undefined) return;
  const { step } = trainer;
  const facts = [loss, tensors ?? 'every weight and gradient is finite'].filter((fact) => fact !== undefined);
  const rate = 'a lower learningRate, or a method that bounds the discriminator (sn)';
  throw new UserError('diverged', `training diverged at step ${step}: ${facts.join('; ')}`, {
    remedy:
      saved > 0
        ? `The checkpoint of step ${saved} is intact. Start anew in another --out, with ${rate}.`
        : `No checkpoint was written yet. Start anew in another --out, with ${rate}.`,
    fields: { step, ...losses, checkpoint: saved },
  });
}
