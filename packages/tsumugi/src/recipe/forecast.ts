// Forecasts the steps of a plan, in order: what a step is expected to find out goes into the forecasts of those that take it.
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { folderBytes } from './folder.ts';
import type { PlannedStep } from './plan.ts';
import { inputsOf } from './recipe.ts';
import { configOf, type Given, type Input, type Step } from './stage.ts';
import type { ForecastRow, StepForecast } from './step-forecast.ts';

type Expected = ReadonlyMap<Step, StepForecast>;

/** The inputs of a step as its stage sees them. */
export function givenTo(
  planned: PlannedStep,
  plan: readonly PlannedStep[],
  expected: Expected = new Map(),
): Readonly<Record<string, Given | readonly Given[]>> {
  return Object.fromEntries(
    inputsOf(planned.step).map(([name, inputs]) => {
      const all = inputs.map((input, i) => seen(input, planned.inputs[name]![i]!.files, plan, expected));
      return [name, Array.isArray(planned.step.inputs[name]) ? all : all[0]!];
    }),
  );
}

function seen(
  input: Input,
  files: readonly { path: string }[],
  plan: readonly PlannedStep[],
  expected: Expected,
): Given {
  if (input.from === 'outside') {
    const bytes = files.reduce((sum, { path }) => sum + statSync(path).size, 0);
    const [path = ''] = input.paths;
    return {
      name: basename(path),
      path,
      paths: input.paths,
      settings: input.settings,
      bytes,
      metrics: {},
      about: undefined,
    };
  }
  const { place, record } = plan.find(({ step }) => step === input)!;
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

export async function forecastPlan(plan: readonly PlannedStep[]): Promise<ForecastRow[]> {
  const expected = new Map<Step, StepForecast>();
  const rows: ForecastRow[] = [];
  for (const planned of plan) {
    const { step, state, shareDone, folder } = planned;
    const inputs = givenTo(planned, plan, expected);
    const again: ForecastRow['again'] = async (changes) =>
      step.stage.config.safeParse({ ...(step.config as object), ...changes }).success
        ? step.stage.forecast({ config: configOf(step, changes), inputs: inputs as never })
        : undefined;
    const forecast = state === 'unchanged' ? undefined : await again({});
    if (forecast) expected.set(step, forecast);
    rows.push({
      step: step.name,
      state,
      forecast,
      config: step.config,
      shareLeft: 1 - shareDone,
      diskBytesThere: state === 'goes on' ? folderBytes(folder) : 0,
      again,
    });
  }
  return rows;
}
