// Running a recipe, top to bottom: plan, forecast, then one stage after the other, each skipped, gone on with or made; the
// report is written anew after every stage. Whatever stops it, the same call goes on from there.
import { existsSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { z } from 'zod';
import { availableDisk, inOwnCode, steady, thrownText, UserError, writeFileAtomic } from '../base/index.ts';
import { formatDuration, formatMetric, type ProgressStream } from '../run/index.ts';
import { type Json, writeJson } from '../store/index.ts';
import { checkRecipeFolder, RecipeFolder } from './folder.ts';
import { forecastPlan } from './forecast.ts';
import { renderReport } from './html/index.ts';
import { makeStage } from './make-stage.ts';
import { openInputs } from './open-inputs.ts';
import { type PlannedStage, planStages, takeInputs, whyMade } from './plan.ts';
import { inputsOf, type Recipe, stagesOf } from './recipe.ts';
import { requireRecipeFits } from './recipe-fits.ts';
import { recordsIn } from './record.ts';
import { makeReport, type RecipeReport, type ReportState, reportStage } from './report.ts';
import type { RecipeStage } from './stage.ts';
import { type Available, formatForecastTable } from './stage-forecast.ts';
import { pointOf } from './sweep.ts';

export interface RunRecipeOptions {
  /** The recipe's folder. */
  out: string;
  /** For plan, forecast and progress. */
  stream: ProgressStream;
  /** Stop after plan and forecast; nothing is written. */
  planOnly?: boolean;
  /** Refuse what is forecast to take longer. */
  seconds?: number | undefined;
  /** At the end, remove artefacts that these settings do not use, and the checkpoints of complete stages. */
  clean?: boolean;
}

export interface RecipeOutcome {
  /** Ctrl-C stopped it after it had saved. */
  interrupted: boolean;
  report: RecipeReport;
}

/**
 * Runs a recipe in `out`.
 *
 * @throws UserError before anything is written when it cannot fit, a file is missing, or `out` holds something else;
 *   whatever a stage throws, after the report was written; of a sweep, once its other stages are made
 */
export async function runRecipe<Schema extends z.ZodObject>(
  recipe: Recipe<Schema>,
  config: z.output<Schema>,
  options: RunRecipeOptions,
): Promise<RecipeOutcome> {
  const { out } = options;
  const stream = steady(options.stream);
  const print = (text: string) => void stream.write(`${text}\n`);
  checkRecipeFolder(out, recipe.name);

  // Plan and forecast.
  const stages = stagesOf(recipe, config);
  const foreseen = await planStages(stages, out);
  print(`${recipe.name} → ${out}`);
  for (const { stage, state, why } of foreseen) print(`  ${stage.name}: ${state}, ${why}`);
  await openInputs(foreseen);
  await forecast(foreseen, options);
  const describe = (plan: readonly PlannedStage[], states: readonly ReportState[]) => {
    const described = plan.map((planned, i) => reportStage(out, planned, states[i]!));
    return makeReport(recipe, config, described);
  };
  const initial = (plan: readonly PlannedStage[]) =>
    plan.map(({ state }): ReportState => (state === 'unchanged' ? 'unchanged' : 'waiting'));
  if (options.planOnly) return { interrupted: false, report: describe(foreseen, initial(foreseen)) };

  // The stages. Planned again, as another process may have made some of them while we forecast.
  using folder = new RecipeFolder(out, recipe.name);
  const { events } = folder;
  const plan = await planStages(stages, out);
  const states = initial(plan);
  const writeReport = (): RecipeReport => {
    const current = describe(plan, states);
    writeJson(join(out, 'report.json'), current as unknown as Json);
    writeFileAtomic(join(out, 'report.html'), renderReport(current));
    return current;
  };
  const resumed = existsSync(join(out, 'report.json'));
  events.write({ type: 'start', step: 0, name: recipe.name, totalSteps: plan.length, resumed });
  let interrupted = false;
  const failures: unknown[] = [];
  for (let i = 0; i < plan.length && !interrupted; i++) {
    plan[i] = takeInputs(plan[i]!, plan);
    const { stage, address, why, state } = plan[i]!;
    folder.link(plan[i]!);
    const mark = (now: ReportState, seconds?: number) => {
      states[i] = now;
      const took = seconds === undefined ? {} : { seconds };
      const reason = now === 'made' ? whyMade(why) : why;
      events.write({ type: 'stage', step: i + 1, name: stage.name, address, state: now, why: reason, ...took });
    };
    if (state === 'unchanged') {
      mark('unchanged');
      continue;
    }
    if (takesUnmade(stage, plan, states)) continue;
    print(`\n${i + 1}/${plan.length} ${stage.name}`);
    mark('running');
    writeReport();
    try {
      const made = await makeStage(plan[i]!, plan, { recipe: recipe.name, stream });
      interrupted = made.interrupted;
      plan[i] = { ...plan[i]!, record: made.record };
    } catch (thrown) {
      const error = inOwnCode(`stage "${stage.name}"`, thrown);
      try {
        mark('failed');
        if (!endsAlone(stage, error)) events.writeFailure(i + 1, error);
        writeReport();
      } catch {
        // On a full disk the report cannot be written either: the first error is the one to tell.
      }
      if (!endsAlone(stage, error)) throw error;
      print(`  failed: ${thrownText(error)}`);
      failures.push(error);
      continue;
    }
    const result = plan[i]!.record?.result;
    if (result) {
      mark('made', result.seconds);
      for (const metric of result.metrics) print(`  ${metric.name}: ${formatMetric(metric)}`);
      print(`  ${formatDuration(result.seconds)} → ${join(out, stage.name)}`);
    } else mark('interrupted');
    if (i < plan.length - 1 && !interrupted) writeReport();
  }
  if (failures.length > 0 && !interrupted) {
    const left = plan
      .filter((_, i) => states[i] === 'failed' || states[i] === 'waiting')
      .map(({ stage }) => stage.name);
    print(`\nnot made: ${left.join(', ')}`);
    events.writeFailure(plan.length, failures[0]);
    writeReport();
    throw failures[0];
  }
  // Interrupted after the last stage's end: everything is done all the same.
  interrupted &&= states.some((state) => state === 'waiting' || state === 'interrupted');
  if (options.clean && !interrupted) for (const path of clean(out, plan)) print(`removed ${path}`);
  events.write({ type: 'end', step: plan.length, reason: interrupted ? 'interrupted' : 'done' });
  return { interrupted, report: writeReport() };
}

/**
 * Whether the other stages go on when this one failed. In a sweep they do: that a point fails (at too high a rate, say) is a result.
 * A full disk stops them all.
 */
const endsAlone = (stage: RecipeStage, error: unknown): boolean =>
  pointOf(stage) !== undefined && !(error instanceof UserError && error.code === 'cannot-write');

/** Whether a stage takes an artefact that could not be made. */
const takesUnmade = (stage: RecipeStage, plan: readonly PlannedStage[], states: readonly ReportState[]): boolean =>
  inputsOf(stage).some(([, inputs]) =>
    inputs.some((input) => {
      const state = states[plan.findIndex((each) => each.stage === input)];
      return state === 'failed' || state === 'waiting';
    }),
  );

/** Prints what the stages will take. @throws UserError when that cannot fit */
async function forecast(plan: readonly PlannedStage[], { out, stream, seconds }: RunRecipeOptions): Promise<void> {
  const rows = await forecastPlan(plan);
  if (rows.every((row) => row.forecast === undefined)) return;
  const available: Available = { memoryBytes: process.availableMemory(), diskBytes: availableDisk(out), seconds };
  stream.write(`\n${formatForecastTable(rows, available)}\n`);
  await requireRecipeFits(rows, available);
}

/** Removes artefacts that the plan does not have, and checkpoints of those that it has. Returns what was removed. */
function clean(out: string, plan: readonly PlannedStage[]): string[] {
  const used = new Set(plan.map(({ folder }) => basename(folder)));
  const unused = recordsIn(out).filter(({ folder }) => !used.has(basename(folder)));
  const checkpoints = plan.map(({ folder }) => join(folder, 'checkpoints')).filter((path) => existsSync(path));
  const removed = [...unused.map(({ folder }) => folder), ...checkpoints];
  for (const path of removed) rmSync(path, { recursive: true, force: true });
  return removed;
}
