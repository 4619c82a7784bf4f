// The options of `tsumugi eval`, and where each has an effect: where it has none, it is refused by name.
import { statSync } from 'node:fs';
import { ConfigError } from '../base/index.ts';
import type { Task } from '../eval/index.ts';
import { adapterOption } from './adapter-options.ts';
import { modelOptions } from './model-options.ts';
import { flagOf, type OptionValues } from './options.ts';
import { textOptions } from './text-options.ts';

export const options = {
  model: {
    type: 'string',
    value: 'DIR|FILE.gguf|NAME',
    help: 'model folder, GGUF file, name on the Hugging Face Hub, or name at --endpoint',
  },
  adapter: adapterOption,
  template: {
    type: 'string',
    value: 'NAME|FILE.jinja',
    help: 'chat template for conversations (default: the model’s own, or a plain instruction)',
  },
  endpoint: { type: 'string', value: 'URL', help: 'an OpenAI-compatible service, e.g. http://localhost:8000/v1' },
  apiKeyEnv: { type: 'string', value: 'VAR', help: 'environment variable with the key of --endpoint' },
  chat: {
    type: 'choice',
    choices: ['completions', 'chat'],
    help: 'how --endpoint is asked for text (default: found out)',
  },
  reasoning: {
    type: 'choice',
    choices: ['drop', 'keep'],
    help: 'whether what a model at --endpoint thinks before it answers is graded (default drop)',
  },
  judgeModel: { type: 'string', value: 'NAME', help: 'grades answers, for tasks that need a judge; as --model' },
  judgeEndpoint: { type: 'string', value: 'URL', help: 'the service of the judge' },
  judgeApiKeyEnv: { type: 'string', value: 'VAR', help: 'environment variable with the key of --judge-endpoint' },
  data: {
    type: 'string',
    value: 'DIR',
    help: 'folder of the data sets (default: TSUMUGI_BENCHMARKS, otherwise benchmarks)',
  },
  limit: { type: 'integer', min: 1, help: 'samples of a task at most' },
  shots: { type: 'integer', min: 0, help: 'few-shot examples in the prompt (default: as the task has it)' },
  set: { type: 'list', value: 'NAME=VALUE', help: 'settings of single tasks, see --list' },
  seed: { type: 'integer', min: 0, max: 2 ** 32 - 1, help: 'of sampling and of the intervals (default 0)' },
  text: { type: 'list', value: 'PATH', help: 'for the task text: files and folders (txt, md, jsonl, parquet)' },
  field: { type: 'string', value: 'NAME', help: `${textOptions.field.help} (default ${textOptions.field.default})` },
  encoding: textOptions.encoding,
  documentCharacters: textOptions.documentCharacters,
  cache: {
    type: 'string',
    value: 'DIR',
    help: 'where answers are kept (default: tsumugi/answers in the user’s cache)',
  },
  noCache: { type: 'boolean', help: 'ask everything anew and keep nothing' },
  device: modelOptions.device,
  dtype: modelOptions.dtype,
  slots: { type: 'integer', min: 1, max: 1024, help: 'texts that a model folder writes at a time (default 16)' },
  contextSize: { type: 'integer', min: 16, help: 'tokens that the context of a GGUF holds' },
  concurrency: { type: 'integer', min: 1, max: 1024, help: 'requests on their way to --endpoint (default 8)' },
  timeout: {
    type: 'number',
    value: 'SECONDS',
    min: 0.001,
    max: 86_400,
    help: 'time that --endpoint may take for one answer (default 300)',
  },
  questions: { type: 'string', value: 'DIR', help: 'with --answers: the questions of pfgen-bench' },
  answers: { type: 'string', value: 'FILE', help: 'for the task pfgen: scores these answers, without a model' },
  out: { type: 'string', value: 'FILE', help: 'write the results to FILE as JSON' },
  records: { type: 'boolean', help: 'with --json or --out: what was asked, answered and expected, sample by sample' },
  list: { type: 'boolean', help: 'list the tasks' },
  json: { type: 'boolean', help: 'print the results as JSON' },
} as const;

export type Options = OptionValues<typeof options>;

/** Where an option can have an effect, in words. */
const places = {
  everything: 'every use',
  list: '--list',
  stored: 'scoring stored answers (--questions, --answers)',
  measuring: 'measuring a model',
  folder: 'a model folder',
  gguf: 'a GGUF file',
  endpoint: '--endpoint',
  judgeEndpoint: '--judge-endpoint',
  judged: 'tasks that are graded by a judge',
  data: 'tasks that read a data set',
  text: '--text',
  asJson: 'results as JSON (--json, --out)',
} as const;
export type Place = keyof typeof places;

/** An option has an effect in each of its places. */
export const belongsTo: Readonly<Record<keyof typeof options, readonly Place[]>> = {
  model: ['measuring'],
  adapter: ['folder'],
  template: ['folder'],
  endpoint: ['measuring'],
  apiKeyEnv: ['endpoint'],
  chat: ['endpoint'],
  reasoning: ['endpoint'],
  judgeModel: ['judged'],
  judgeEndpoint: ['judged'],
  judgeApiKeyEnv: ['judgeEndpoint'],
  data: ['data'],
  limit: ['measuring'],
  shots: ['measuring'],
  set: ['measuring'],
  seed: ['measuring'],
  text: ['measuring'],
  field: ['text'],
  encoding: ['text'],
  documentCharacters: ['text'],
  cache: ['measuring'],
  noCache: ['measuring', 'stored'],
  device: ['folder'],
  dtype: ['folder'],
  slots: ['folder'],
  contextSize: ['gguf'],
  concurrency: ['endpoint', 'judgeEndpoint'],
  timeout: ['endpoint', 'judgeEndpoint'],
  questions: ['stored'],
  answers: ['stored'],
  out: ['measuring', 'stored'],
  records: ['asJson'],
  list: ['list'],
  json: ['everything'],
};

/** The places that a command line has. */
export function placesOf(values: Options, mode: 'list' | 'stored' | 'measuring', tasks: readonly Task[]): Set<Place> {
  const found = new Set<Place>(['everything', mode]);
  if (mode !== 'measuring') return found;
  const { model, endpoint, judgeModel, judgeEndpoint } = values;
  const placeOf = (path: string): Place => (statSync(path, { throwIfNoEntry: false })?.isFile() ? 'gguf' : 'folder');
  if (endpoint !== undefined) found.add('endpoint');
  else if (model !== undefined) found.add(placeOf(model));
  if (judgeEndpoint !== undefined) found.add('judgeEndpoint');
  else if (judgeModel !== undefined) found.add(placeOf(judgeModel));
  if (tasks.some(({ needs }) => needs?.includes('judge'))) found.add('judged');
  if (tasks.some(({ data }) => data !== undefined)) found.add('data');
  if (values.text.length > 0) found.add('text');
  if (values.json || values.out !== undefined) found.add('asJson');
  return found;
}

/** @throws ConfigError for an option that has no effect in any of the places */
export function checkPlaces(values: Options, here: ReadonlySet<Place>): void {
  for (const [key, where] of Object.entries(belongsTo) as [keyof Options, readonly Place[]][]) {
    const value = values[key];
    const given = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
    if (!given || where.some((place) => here.has(place))) continue;
    const option = `--${flagOf(key)}`;
    throw new ConfigError(
      'no-effect',
      `${option} has no effect here: it is for ${where.map((place) => places[place]).join(' or ')}`,
      { remedy: `Leave ${option} out.`, fields: { option } },
    );
  }
  if (values.cache !== undefined && values.noCache)
    throw new ConfigError('no-effect', '--cache says where answers are kept, and --no-cache that none are', {
      remedy: 'Leave one of them out.',
      fields: { option: '--cache' },
    });
}
