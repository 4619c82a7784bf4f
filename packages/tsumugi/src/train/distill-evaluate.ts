// Held-out measurement of a student: the text, and how far it is from its teacher.
import { UserError } from '../base/index.ts';
import type { Batch, Plamo2 } from '../lm/index.ts';
import type { Measured } from '../loop/index.ts';
import { reduceNumbers, solo } from '../mesh/index.ts';
import type { TokenShards } from '../text/index.ts';
import { logitLoss } from './distill-loss.ts';
import { type Evaluation, type EvaluationSettings, evaluateHeldOut, measuredOf } from './evaluate.ts';
import type { Teacher } from './teacher.ts';

export interface DistillEvaluation extends Evaluation {
  /**
   * Mean KL(teacher ‖ student) of a predicted token in nats, at a temperature of 1: over the whole vocabulary, or, of logits on disk,
   * over the tokens that were kept and all others as one. Undefined where the teacher says nothing of held-out text.
   */
  kl?: number | undefined;
}

/** Measures a student on the held-out documents of token shards, beside its teacher where there is one. */
export async function evaluateStudent(
  student: Plamo2,
  taught: Teacher['heldOut'],
  shards: TokenShards,
  settings: EvaluationSettings,
): Promise<DistillEvaluation> {
  if (!taught) return await evaluateHeldOut(student, shards, settings);
  const { dtype, mesh = solo } = settings;
  let [nats, turn] = [0, 0];
  const lossOf = (batch: Batch) => {
    const { ids, targets, documents } = batch;
    const hidden = student.forward(ids, { documents, dtype });
    nats += logitLoss(student, hidden, taught(batch, turn++ * mesh.world + mesh.rank), targets).item();
    return student.lossOf(hidden, targets, { reduction: 'sum' });
  };
  const found = await evaluateHeldOut(student, shards, { ...settings, lossOf });
  [nats = 0] = reduceNumbers(mesh, [nats]);
  if (Number.isFinite(found.crossEntropy) && !Number.isFinite(nats))
    throw new UserError('not-finite', 'the teacher reads the text with numbers that are not finite', {
      remedy: 'Find out where its weights went wrong: "tsumugi score" names the tensor or the layer.',
    });
  return { ...found, kl: nats / found.predicted };
}

export function measuredStudent(found: DistillEvaluation, when: number | string): Measured {
  const measured = measuredOf(found, 'held-out', when);
  if (found.kl === undefined) return measured;
  const { metrics, shown, ...rest } = measured;
  return {
    ...rest,
    metrics: { ...metrics, kl: found.kl },
    shown: `${shown}, KL to the teacher ${found.kl.toFixed(4)}`,
  };
}
