// A dry run: every stage of a recipe runs once, with settings and inputs so small that it takes a moment, in a folder that is removed
// afterwards. What is run is the stages' own code; what is forecast before it is the recipe as it is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { availableDisk, steady, UserError } from '../base/index.ts';
import type { ProgressStream } from '../run/index.ts';
import type { Json } from '../store/index.ts';
import { type RecipeOutcome, runRecipe } from './execute.ts';
import { forecastPlan } from './forecast.ts';
import { planStages } from './plan.ts';
import { type Recipe, stagesOf } from './recipe.ts';
import { requireRecipeFits } from './recipe-fits.ts';
import type { Input, RecipeStage, Source } from './stage.ts';
import { formatForecastTable } from './stage-forecast.ts';

export interface DryRunOptions {
  /** The recipe's folder: for the forecast of what is not made yet. Nothing is written there. */
  out: string;
  stream: ProgressStream;
  /** Writes something small in the place of what comes from outside, into a folder that is there; the source itself where it need not. */
  shrink(source: Source, folder: string): Promise<Source>;
}

/** @throws whatever a stage throws, after its folder was removed */
export async function dryRunRecipe<Schema extends z.ZodObject>(
  recipe: Recipe<Schema>,
  config: z.output<Schema>,
  { out, stream: shown, shrink }: DryRunOptions,
): Promise<RecipeOutcome> {
  const stream = steady(shown);
  const stages = stagesOf(recipe, config);
  await forecastHere(stages, out, stream);
  const home = mkdtempSync(join(tmpdir(), 'tsumugi-dry-run-'));
  try {
    const shrunk = (source: Source) => shrink(source, mkdtempSync(join(home, 'input-')));
    const small = await changedStages(stages, smallStage, shrunk);
    stream.write(`\nsmall, in ${home}\n`);
    const rehearsed = { ...recipe, config: z.object({}), stages: () => small };
    return await runRecipe(rehearsed, {}, { out: join(home, 'run'), stream });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/**
 * Prints what the recipe as it is would take here, on the device that the dry run takes: without a GPU that is the CPU. That it would not
 * fit is said, and no reason to end.
 */
async function forecastHere(stages: readonly RecipeStage[], out: string, stream: ProgressStream): Promise<void> {
  const here = await changedStages(stages, onDeviceHere, async (source) => source);
  const rows = await forecastPlan(await planStages(here, out));
  const available = { memoryBytes: process.availableMemory(), diskBytes: availableDisk(out) };
  stream.write(`${formatForecastTable(rows, available)}\n`);
  try {
    await requireRecipeFits(rows, available);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    stream.write(`on this machine ${error.message}\n`);
  }
}

/** The stages changed, and other sources in the place of what comes from outside. */
async function changedStages(
  stages: readonly RecipeStage[],
  change: (stage: RecipeStage) => RecipeStage,
  sourceOf: (source: Source) => Promise<Source>,
): Promise<RecipeStage[]> {
  const done = new Map<Input, Promise<Input>>();
  const changed = (input: Input): Promise<Input> => {
    const known = done.get(input);
    if (known) return known;
    const made = input.from === 'stage' ? changedStage(input) : sourceOf(input);
    done.set(input, made);
    return made;
  };
  const changedStage = async (stage: RecipeStage): Promise<RecipeStage> => {
    const inputs: Record<string, Input | Input[]> = {};
    for (const [name, given] of Object.entries(stage.inputs))
      inputs[name] = 'from' in given ? await changed(given) : await Promise.all(given.map(changed));
    return { ...change(stage), inputs };
  };
  return (await Promise.all(stages.map(changed))) as RecipeStage[];
}

/** A stage as it is, but on the device of its dry run. */
function onDeviceHere(stage: RecipeStage): RecipeStage {
  const { device } = smallConfig(stage) as { device?: string };
  return device === undefined ? stage : { ...stage, config: { ...(stage.config as object), device } };
}

function smallStage(stage: RecipeStage): RecipeStage {
  const { definition } = stage;
  const run: typeof definition.run = (context: object) => definition.run({ ...context, dryRun: true } as never);
  return { ...stage, definition: { ...definition, run }, config: smallConfig(stage) };
}

/** A stage's settings with those that it changes for a dry run; one that has no such changes, and has steps, takes one. */
function smallConfig({ definition, config }: RecipeStage): Json {
  const schema = definition.config;
  const parsed = schema.parse(config);
  const steps = 'steps' in schema.shape ? { steps: 1 } : {};
  const changes = (definition.dryRun as ((config: unknown) => object) | undefined)?.(parsed) ?? steps;
  const kept = Object.entries({ ...parsed, ...changes }).filter(([, value]) => value !== undefined);
  return JSON.parse(JSON.stringify(schema.parse(Object.fromEntries(kept))));
}
