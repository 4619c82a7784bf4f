// Makes one stage's artefact: the folder, the record that it is begun, the stage's own work, the record that it is complete.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, fsyncPath, makeFolder, removeUnfinished, TsumugiError } from '../base/index.ts';
import { codeCommit, Interrupt, type ProgressStream } from '../run/index.ts';
import { hashSource } from './address.ts';
import { givenTo } from './forecast.ts';
import type { PlannedStage } from './plan.ts';
import { inputsOf } from './recipe.ts';
import { damageOf, hashArtefact, type StageRecord, writeRecord } from './record.ts';
import { configOf } from './stage.ts';

export interface MadeStage {
  /** Its result is null when Ctrl-C stopped the stage. */
  record: StageRecord;
  /** Ctrl-C came: nothing more is to be begun. */
  interrupted: boolean;
}

/** @throws DataError when what it is made from changed since the recipe began; whatever the stage throws */
export async function makeStage(
  planned: PlannedStage,
  plan: readonly PlannedStage[],
  { recipe, stream }: { recipe: string; stream: ProgressStream },
): Promise<MadeStage> {
  const { stage, address, folder, place, inputs } = planned;
  const { definition } = stage;
  await requireUnchanged(planned, plan);
  const resumed = planned.state === 'goes on';
  if (!resumed) rmSync(folder, { recursive: true, force: true });
  makeFolder(folder);
  const began = performance.now();
  const begun: StageRecord = writeRecord(folder, {
    name: stage.name,
    definition: definition.name,
    definitionVersion: definition.version,
    uses: { ...planned.uses },
    address,
    config: stage.config as StageRecord['config'],
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, list]) => [name, [...list]])),
    commit: codeCommit(),
    begun: new Date().toISOString(),
    secondsBefore: resumed ? secondsSpent(planned) : 0,
    result: null,
  });

  // A stage that cannot go on has nothing to save: Ctrl-C ends the process, and the next run begins it again.
  using interrupt = definition.resumes ? new Interrupt() : undefined;
  // A file that was left half-written would count as a part of the artefact.
  if (resumed) removeUnfinished(folder, { recursive: true });
  const outcome = await definition.run({
    config: configOf(stage),
    inputs: givenTo(planned, plan) as never,
    folder,
    recipe,
    resumed,
    stream,
  });
  if (outcome.interrupted) return { record: begun, interrupted: true };
  try {
    await requireUnchanged(planned, plan);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true }); // nobody knows what this was made from
    throw error;
  }
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory())
    throw new TsumugiError('no-artefact', `stage ${definition.name} says it is done, but made no folder ${place}`);
  const { metrics, tables = [], heatmaps = [] } = outcome;
  const hashes = await hashArtefact(place);
  fsyncPath(folder);
  const record = writeRecord(folder, {
    ...begun,
    result: {
      finished: new Date().toISOString(),
      seconds: begun.secondsBefore + (performance.now() - began) / 1000,
      ...hashes,
      metrics: [...metrics],
      tables: [...tables],
      heatmaps: [...heatmaps],
    },
  });
  // Ctrl-C may have come after the stage looked for it the last time.
  return { record, interrupted: (await interrupt?.poll()) ?? false };
}

/** Seconds that attempts took that were cut off: up to the last event, their last sign of life. */
function secondsSpent({ folder, record }: PlannedStage): number {
  if (!record) return 0;
  const last = statSync(join(folder, 'events.jsonl'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return record.secondsBefore + Math.max(0, last - Date.parse(record.begun)) / 1000;
}

/** Inputs must hold what was planned with: files what their address was made from, artefacts what their record lists. */
async function requireUnchanged({ stage, inputs }: PlannedStage, plan: readonly PlannedStage[]): Promise<void> {
  const refuse = (what: string, fields: Readonly<Record<string, unknown>>) =>
    new DataError('input-changed', `${what} while "${stage.name}" was made from it`, {
      remedy: 'Run the recipe again.',
      fields: { stage: stage.name, ...fields },
    });
  for (const [name, list] of inputsOf(stage))
    for (const [i, input] of list.entries()) {
      if (input.from === 'outside') {
        if ((await hashSource(input)).address !== inputs[name]![i]!.address)
          throw refuse(`${input.paths.join(', ')} changed`, { paths: input.paths });
        continue;
      }
      const from = plan.find((each) => each.stage === input);
      const damage = from?.record?.result && (await damageOf(from.place, from.record.result));
      if (from && damage) throw refuse(join(from.place, damage), { path: from.place });
    }
}
