// Before the first stage runs, each looks at what it will be given from outside: what the last one would refuse is said now, and not after
// hours of those before it.
import { UserError } from '../base/index.ts';
import { givenTo } from './forecast.ts';
import type { PlannedStage } from './plan.ts';
import { configOf } from './stage.ts';

/** @throws UserError (DataError naming file, row and field) with the stage in front of it */
export async function openInputs(plan: readonly PlannedStage[]): Promise<void> {
  for (const planned of plan) {
    const { stage, state } = planned;
    if (state === 'unchanged') continue;
    try {
      await stage.definition.open?.({ config: configOf(stage), inputs: givenTo(planned, plan) as never });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const { code, fault, remedy, fields } = error;
      throw new UserError(code, `stage "${stage.name}": ${fault}`, {
        ...(remedy !== undefined && { remedy }),
        fields: { ...fields, stage: stage.name },
        cause: error,
      });
    }
  }
}
