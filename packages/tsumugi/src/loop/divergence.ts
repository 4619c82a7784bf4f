// A training that is no longer finite: in a step's loss, in the weights after an update, or in what was measured of them.
import { UserError } from '../base/index.ts';
import { type Diagnosis, describeDiagnosis, describeNotFinite, type NotFinite } from '../nn/index.ts';

/** @param saved step of the newest good checkpoint, 0 without one. The same settings would diverge from there again. */
function diverged(step: number, what: string, saved: number, facts: Record<string, unknown> = {}): UserError {
  const there = saved > 0 ? `; the checkpoint of step ${saved} is intact` : '';
  return new UserError('diverged', `training diverged at step ${step}: ${what}`, {
    remedy: `Start anew in another --out, with a lower learningRate, a longer warmup or a smaller clipNorm${there}.`,
    fields: { step, checkpoint: saved, ...facts },
  });
}

/** Loss or gradients of step `step` (from 1) are not finite; nothing was updated. */
export const divergedInStep = (
  found: Diagnosis,
  step: number,
  loss: number,
  gradNorm: number,
  saved: number,
): UserError =>
  diverged(step, `loss ${loss}, gradient norm ${gradNorm}; ${describeDiagnosis(found)}`, saved, { loss, gradNorm });

/** A weight, or the optimizer's memory of one, overflowed; it is not saved. */
export const divergedInUpdate = (step: number, tensor: NotFinite, saved: number): UserError =>
  diverged(step, `after the update ${describeNotFinite(tensor)}`, saved, { tensor: tensor.name });

/** The weights are finite, but what they compute is not. */
export const divergedInMeasuring = (step: number, score: number, saved: number): UserError =>
  diverged(step, `every weight is finite, but the held-out loss is ${score}`, saved, { score });
