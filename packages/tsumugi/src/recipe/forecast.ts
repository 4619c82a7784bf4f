// Forecasts the stages of a plan, in order: what a stage is expected to find out goes into the forecasts of those that take it.
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { folderBytes } from './folder.ts';
import type { PlannedStage } from './plan.ts';
import { inputsOf } from './recipe.ts';
import { pathsOf } from './source-paths.ts';
import { configOf, type Given, type Input, type RecipeStage } from './stage.ts';
import type { ForecastRow, StageForecast } from './stage-forecast.ts';

type Expected = ReadonlyMap<RecipeStage, StageForecast>;

/** The inputs of a stage, as its `forecast` and `run` are given them. */
export function givenTo(
  planned: PlannedStage,
  plan: readonly PlannedStage[],
  expected: Expected = new Map(),
): Readonly<Record<string, Given | readonly Given[]>> {
  return Object.fromEntries(
    inputsOf(planned.stage).map(([name, inputs]) => {
      const all = inputs.map((input, i) => seen(input, planned.inputs[name]![i]!.files, plan, expected));
      return [name, Array.isArray(planned.stage.inputs[name]) ? all : all[0]!];
    }),
  );
}

function seen(
  input: Input,
  files: readonly { path: string }[],
  plan: readonly PlannedStage[],
  expected: Expected,
): Given {
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
    bytes: Object.values(result?.files ?? {}).reduce((sum, { bytes }) => sum + bytes, 0),
    metrics: measured ? Object.fromEntries(measured) : (expected.get(input)?.metrics ?? {}),
    about: measured ? undefined : expected.get(input)?.about,
  };
}

export async function forecastPlan(plan: readonly PlannedStage[]): Promise<ForecastRow[]> {
  const expected = new Map<RecipeStage, StageForecast>();
  const rows: ForecastRow[] = [];
  for (const planned of plan) {
    const { stage, state, shareDone, folder } = planned;
    const inputs = givenTo(planned, plan, expected);
    const again: ForecastRow['again'] = async (changes) =>
      stage.definition.config.safeParse({ ...(stage.config as object), ...changes }).success
        ? stage.definition.forecast({ config: configOf(stage, changes), inputs: inputs as never })
        : undefined;
    const forecast = state === 'unchanged' ? undefined : await again({});
    if (forecast) expected.set(stage, forecast);
    rows.push({
      stage: stage.name,
      state,
      forecast,
      config: stage.config,
      shareLeft: 1 - shareDone,
      diskBytesThere: state === 'goes on' ? folderBytes(folder) : 0,
      again,
    });
  }
  return rows;
}
