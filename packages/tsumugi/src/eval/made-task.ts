// What every task shares that is made of a source of samples: reading and checking them, a record for each, the result.
import { ConfigError, DataError, kindOf, sha256, suggestion } from '../base/index.ts';
import { examplesOf } from './examples.ts';
import type { Metrics, Sample, SampleContext, SampleRecord, TaskContext, TaskInfo, TaskResult } from './task.ts';
import { infoFault } from './task-fault.ts';

export interface MadeTaskSpec<S extends Sample> extends TaskInfo {
  /** The samples to answer, in the file's order, and those to show as examples (never among the samples). */
  load(context: SampleContext): Loaded<S> | Promise<Loaded<S>>;
  /** Everything fixed in the prompts' wording (instruction, template), or what identifies it: part of the prompt hash. */
  wording: string | ((all: readonly S[]) => string);
  groups?(sample: S): readonly string[];
  aggregate?: TaskResult['aggregate'] | ((context: SampleContext) => TaskResult['aggregate']);
  settings?(context: SampleContext, samples: readonly S[]): TaskResult['settings'];
}

export interface Loaded<S extends Sample> {
  samples: readonly S[];
  examples?: readonly S[];
}

/** Samples that were read: all there are, those to answer, those to show. */
export interface Read<S extends Sample> {
  all: readonly S[];
  samples: readonly S[];
  shots: readonly S[];
}

const info = ['name', 'version', 'summary', 'metric', 'lowerIsBetter', 'options', 'data', 'shots', 'needs'] as const;
const made = ['load', 'wording', 'groups', 'aggregate', 'settings', 'heatmap'];
/** What the other fields are, where they need not be functions. */
const others: Readonly<Record<string, readonly string[]>> = {
  wording: ['a text', 'a function'],
  decoding: ['an object', 'a function'],
  aggregate: ['an object', 'a function'],
  normalise: ['a boolean'],
};
const kind = (value: unknown) =>
  typeof value === 'string'
    ? 'a text'
    : value instanceof Function
      ? 'a function'
      : typeof value === 'boolean'
        ? 'a boolean'
        : kindOf(value);

/**
 * What a specification says of its task.
 *
 * @param maker "choiceTask", for errors
 * @param required fields beside those of every task, and `optional` ones
 * @throws ConfigError for a field that is missing, or that no task of this kind has
 */
export function infoOf(
  spec: MadeTaskSpec<never>,
  maker: string,
  required: readonly string[],
  optional: readonly string[],
): TaskInfo {
  const see = 'See "A task of your own" in docs/eval.md.';
  if (kind(spec) !== 'an object')
    throw new ConfigError('bad-task', `${maker} takes an object of fields, got ${kind(spec)}`, { remedy: see });
  const fields = spec as unknown as Readonly<Record<string, unknown>>;
  const fail = (fault: string, remedy: string) =>
    new ConfigError('bad-task', `${maker} of "${spec.name}": ${fault}`, { remedy, fields: { task: spec.name } });
  const absent = ['name', 'version', 'summary', 'metric', 'load', 'wording', ...required].find(
    (name) => fields[name] === undefined,
  );
  if (absent) throw fail(`"${absent}" is missing`, see);
  const known = [...info, ...made, ...required, ...optional];
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown) throw fail(`it has no field "${unknown}"`, suggestion(unknown, known));
  const fault = infoFault(fields);
  if (fault !== undefined) throw fail(fault, see);
  for (const name of [...made, ...required, ...optional]) {
    const wanted = others[name] ?? ['a function'];
    if (fields[name] !== undefined && !wanted.includes(kind(fields[name])))
      throw fail(`"${name}" is ${kind(fields[name])}, not ${wanted.join(' or ')}`, see);
  }
  return Object.fromEntries(
    info.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  ) as never;
}

/** Reads the samples of a task. @throws DataError for what are no samples, or two with one id; ConfigError for too many shots */
export async function readSamples<S extends Sample>(spec: MadeTaskSpec<S>, context: SampleContext): Promise<Read<S>> {
  const loaded = await spec.load(context);
  const { samples: all, examples = [] } = loaded ?? {};
  for (const [what, list] of Object.entries({ samples: all, examples }))
    if (!Array.isArray(list) || !list.every((sample) => typeof sample?.id === 'string'))
      throw new DataError('bad-samples', `${spec.name}: load gave no list of ${what} with an "id" each, a text`, {
        remedy: 'Return { samples, examples } from its load, each sample with an id of its own (docs/eval.md).',
        fields: { task: spec.name },
      });
  distinctIds(spec.name, all);
  const shots = spec.shots === undefined ? [] : examplesOf(examples, spec.shots, context);
  return { all, samples: all.slice(0, context.limit), shots };
}

/** @throws DataError when two samples have one id */
export function distinctIds(task: string, samples: readonly { id: string }[]): void {
  const seen = new Set<string>();
  for (const { id } of samples) {
    if (seen.has(id))
      throw new DataError('sample-twice', `${task} has two samples called "${id}"`, {
        remedy: 'Give each sample an id of its own, and check the data for a row that stands twice.',
        fields: { task, sample: id },
      });
    seen.add(id);
  }
}

/**
 * @param metrics those of a sample
 * @throws ConfigError when the metric to look at first is neither one of a sample nor taken over all
 */
export function checkMetric(
  { name, metric }: TaskInfo,
  metrics: Iterable<string>,
  aggregate: TaskResult['aggregate'],
): void {
  const known = [...new Set([...(aggregate ? Object.keys(aggregate) : metrics)])];
  if (known.includes(metric)) return;
  throw new ConfigError('unknown-metric', `${name}: "metric" is "${metric}", and its score gives no such value`, {
    remedy: suggestion(metric, known),
    fields: { task: name, metric, known },
  });
}

export const aggregateOf = <S extends Sample>({ aggregate }: MadeTaskSpec<S>, context: SampleContext) =>
  typeof aggregate === 'function' ? aggregate(context) : aggregate;

/** The record of a sample; `texts` are left out unless they are wanted. */
export function recordOf<S extends Sample>(
  spec: MadeTaskSpec<S>,
  sample: S,
  metrics: Metrics,
  { keepTexts }: TaskContext,
  texts: Pick<SampleRecord, 'prompt' | 'answer' | 'target'>,
): SampleRecord {
  return {
    id: sample.id,
    metrics,
    ...(spec.groups && { groups: spec.groups(sample) }),
    ...(keepTexts && texts),
  };
}

export function resultOf<S extends Sample>(
  spec: MadeTaskSpec<S>,
  context: TaskContext,
  { all, samples, shots }: Read<S>,
  found: {
    records: SampleRecord[];
    settings?: TaskResult['settings'];
    /** Further wording that belongs to the kind of task. */
    wording?: string;
    heatmap?: TaskResult['heatmap'];
  },
): TaskResult {
  const wording = typeof spec.wording === 'string' ? spec.wording : spec.wording(all);
  return {
    records: found.records,
    aggregate: aggregateOf(spec, context),
    settings: {
      ...(spec.shots !== undefined && { shots: shots.length }),
      ...found.settings,
      ...spec.settings?.(context, samples),
    },
    promptHash: sha256(found.wording === undefined ? wording : `${wording}\n${found.wording}`),
    heatmap: found.heatmap,
  };
}
