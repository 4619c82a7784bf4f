// Forecasts the stages of a plan, in order: what a stage is expected to make goes into the forecasts of the stages that take it.
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { originOf } from './origin.ts';
import type { PlannedStage } from './plan.ts';
import { inputsOf } from './recipe.ts';
import { pathsOf } from './source-paths.ts';
import { configOf, type Input, type RecipeStage, type StageInput } from './stage.ts';
import type { ForecastRow, StageForecast } from './stage-forecast.ts';

type Expected = ReadonlyMap<RecipeStage, StageForecast>;

/** The inputs of a stage, as its `forecast` and `run` are given them. */
export function givenTo(
  planned: PlannedStage,
  plan: readonly PlannedStage[],
  expected: Expected = new Map(),
): Readonly<Record<string, StageInput | readonly StageInput[]>> {
  return Object.fromEntries(
    inputsOf(planned.stage).map(([name, inputs]) => {
      const all = inputs.map((input, i) => asStageInput(input, planned.inputs[name]![i]!.files, plan, expected));
      return [name, Array.isArray(planned.stage.inputs[name]) ? all : all[0]!];
    }),
  );
}

function asStageInput(
  input: Input,
  files: readonly { path: string }[],
  plan: readonly PlannedStage[],
  expected: Expected,
): StageInput {
  if (input.from === 'outside') {
    const bytes = files.reduce((sum, { path }) => sum + statSync(path).size, 0);
    const paths = pathsOf(input);
    const [path = ''] = paths;
    return {
      name: basename(path),
      path,
      paths,
      settings: input.settings,
      bytes,
      metrics: {},
      about: undefined,
      origin: originOf(input),
    };
  }
  const { place, record } = plan.find(({ stage }) => stage === input)!;
  const result = record?.result;
  const measured = result?.metrics.filter(({ value }) => value !== null).map(({ name, value }) => [name, value!]);
  return {
    name: input.name,
    path: place,
    paths: [place],
    settings: {},
    bytes: result
      ? Object.values(result.files).reduce((sum, { bytes }) => sum + bytes, 0)
      : (expected.get(input)?.diskBytes ?? 0),
    metrics: measured ? Object.fromEntries(measured) : (expected.get(input)?.metrics ?? {}),
    about: measured ? undefined : expected.get(input)?.about,
    origin: originOf(input),
  };
}

export async function forecastPlan(plan: readonly PlannedStage[]): Promise<ForecastRow[]> {
  const expected = new Map<RecipeStage, StageForecast>();
  const rows: ForecastRow[] = [];
  for (const planned of plan) {
    const { stage, state, shareDone, folder } = planned;
    const inputs = givenTo(planned, plan, expected);
    const forecastWith: ForecastRow['forecastWith'] = async (changes) =>
      stage.definition.config.safeParse({ ...(stage.config as object), ...changes }).success
        ? stage.definition.forecast({ config: configOf(stage, changes), inputs: inputs as never })
        : undefined;
    const forecast = state === 'unchanged' ? undefined : await forecastWith({});
    if (forecast) expected.set(stage, forecast);
    rows.push({
      stage: stage.name,
      state,
      forecast,
      config: stage.config,
      shareLeft: 1 - shareDone,
      diskBytesThere: state === 'goes on' ? folderBytes(folder) : 0,
      forecastWith,
    });
  }
  return rows;
}

/** Bytes of the files in a folder; 0 when there is none. */
function folderBytes(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => lstatSync(join(folder, name), { throwIfNoEntry: false }))
    .reduce((sum, found) => sum + (found?.isFile() ? found.size : 0), 0);
}
