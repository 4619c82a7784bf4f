// Reads the folder of any run, of a training or a recipe: its settings, what was measured, what it came to.
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DataError, parseJson, UserError } from '../base/index.ts';
import { flatSettings } from '../draw/index.ts';
import { artefactFolder, type RecipeReport, type StageMetric } from '../recipe/index.ts';
import { type Measurement, measurementsIn, type RunEvent, RunFolder, readMeasurements } from '../run/index.ts';
import type { Json } from '../store/index.ts';
import { metricsOf } from './metrics.ts';
import { type RangeTest, rangeTest, rangeTestMetrics } from './range-test.ts';

export interface RunSummary {
  /** The name of the folder; longer where two of them would be the same. */
  readonly name: string;
  readonly path: string;
  /** "pretrain", "gan", …, or the recipe's name. */
  readonly kind: string;
  readonly state: 'done' | 'interrupted' | 'failed' | 'not finished';
  /** ISO 8601. */
  readonly created: string;
  /** Steps that were done; of a recipe, stages that are made. */
  readonly steps: number;
  readonly totalSteps: number | null;
  /** Settings by their path; inputs by the hash of what they hold. */
  readonly config: Readonly<Record<string, Json>>;
  readonly metrics: readonly StageMetric[];
  readonly measurements: readonly Measurement[];
  readonly warnings: readonly string[];
  /** Text that was written, the latest last. */
  readonly samples: readonly { readonly step: number; readonly prompt: string; readonly text: string }[];
  /** Of a training with the schedule "range-test". */
  readonly rangeTest?: RangeTest | undefined;
  /** Of a recipe. */
  readonly report: RecipeReport | undefined;
}

/** @throws UserError when the folder holds no run */
export function readRun(path: string): RunSummary {
  if (existsSync(join(path, 'report.json')) && existsSync(join(path, 'recipe.json'))) return readRecipe(path);
  if (existsSync(join(path, 'recipe.json')))
    throw new UserError('no-report', `${path}: the recipe has not made anything yet`, {
      remedy: 'Run it first.',
      fields: { path },
    });
  if (!existsSync(join(path, 'run.json')))
    throw new UserError('no-run', `${path} ${existsSync(path) ? 'holds no run' : 'does not exist'}`, {
      remedy: 'Name the --out of a training, or of a recipe.',
      fields: { path },
    });
  using run = RunFolder.open(path);
  const events = run.events();
  const measurements = measurementsIn(events);
  const inputs = Object.fromEntries(
    Object.entries(run.inputs).map(([name, { sha256 }]) => [name, sha256.slice(0, 12)]),
  );
  const start = events.findLast((event) => event.type === 'start');
  const found = run.config['schedule'] === 'range-test' ? rangeTestIn(events) : undefined;
  return {
    name: basename(resolve(path)),
    path,
    kind: run.name,
    state: stateOf(events),
    created: run.created,
    steps: events.reduce((most, { step }) => Math.max(most, step), 0),
    totalSteps: start?.totalSteps ?? null,
    config: { ...flatSettings(run.config), ...inputs },
    metrics: [...(found ? rangeTestMetrics(found) : []), ...metricsOf(measurements)],
    measurements,
    warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
    samples: events.flatMap((event) => (event.type === 'sample' ? [event] : [])),
    rangeTest: found,
    report: undefined,
  };
}

function rangeTestIn(events: readonly RunEvent[]): RangeTest | undefined {
  const steps = events.flatMap((event) =>
    event.type === 'step' && typeof event.loss === 'number' && event.lr ? [{ lr: event.lr, loss: event.loss }] : [],
  );
  return rangeTest(
    steps,
    events.some((event) => event.type === 'warning' && event.code === 'diverged'),
  );
}

function stateOf(events: readonly RunEvent[]): RunSummary['state'] {
  const last = events.findLast(({ type }) => type === 'start' || type === 'end');
  return last?.type === 'end' ? last.reason : 'not finished';
}

function readRecipe(path: string): RunSummary {
  const file = join(path, 'report.json');
  const report = parseJson(readFileSync(file, 'utf8')) as unknown as RecipeReport;
  if (report?.format !== 'tsumugi-report')
    throw new DataError('bad-report', `${file} is no report of a recipe`, {
      remedy: 'Run the recipe again.',
      fields: { path: file },
    });
  const { recipe, config, stages, written } = report;
  const isDone = stages.every(({ state }) => state === 'made' || state === 'unchanged');
  const failed = stages.some(({ state }) => state === 'failed');
  return {
    name: basename(resolve(path)),
    path,
    kind: recipe,
    state: isDone ? 'done' : failed ? 'failed' : 'not finished',
    created: written,
    steps: stages.filter(({ finished }) => finished !== null).length,
    totalSteps: stages.length,
    config: flatSettings(config),
    metrics: stages.flatMap(({ name, metrics }) =>
      metrics.map((metric) => ({ ...metric, name: `${name}: ${metric.name}` })),
    ),
    measurements: stages.flatMap((stage) =>
      readMeasurements(join(artefactFolder(path, stage.name, stage.address), 'events.jsonl')).map((each) => ({
        ...each,
        name: `${stage.name}: ${each.name}`,
      })),
    ),
    warnings: [],
    samples: [],
    report,
  };
}
