// `tsumugi eval`: measures a model on tasks. `eval pfgen --questions … --answers …`, which scores stored answers without a
// model, is a contract for measuring.
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError, cacheFolder, DataError, signalExitCode, writeFileAtomic } from '../base/index.ts';
import {
  type Backend,
  type EvaluationProgress,
  evaluate,
  findTasks,
  listTasks,
  openBackend,
  parseTaskOptions,
  textTask,
} from '../eval/index.ts';
import { formatInteger, Interrupt } from '../run/index.ts';
import { formatForecast, formatResults, formatTasks, tasksAsJson } from './eval-report.ts';
import { type Io, write } from './io.ts';
import { chooseDevice, defaultDType, modelOptions } from './model-options.ts';
import { formatRows, type OptionValues } from './options.ts';
import { ProgressLine } from './progress.ts';
import { readOptions, textOptions } from './text-options.ts';
import { defineVerb } from './verb.ts';

const options = {
  model: { type: 'string', value: 'DIR|FILE.gguf|NAME', help: 'model folder, GGUF file, or the name at --endpoint' },
  endpoint: { type: 'string', value: 'URL', help: 'an OpenAI-compatible service, e.g. http://localhost:8000/v1' },
  apiKeyEnv: { type: 'string', value: 'VAR', help: 'environment variable with the key of --endpoint' },
  chat: {
    type: 'choice',
    choices: ['completions', 'chat'],
    help: 'how --endpoint is asked for text (default: found out)',
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
  shots: { type: 'integer', min: 0, help: 'examples in the prompt (default: as the task has it)' },
  set: { type: 'list', value: 'NAME=VALUE', help: 'settings of single tasks, see --list' },
  seed: { type: 'integer', min: 0, max: 2 ** 32 - 1, default: 0, help: 'of sampling and of the intervals' },
  ...textOptions,
  text: { type: 'list', value: 'PATH', help: 'for the task text: files and folders (txt, md, jsonl, parquet)' },
  cache: {
    type: 'string',
    value: 'DIR',
    help: 'where answers are kept (default: tsumugi/answers in the user’s cache)',
  },
  noCache: { type: 'boolean', help: 'ask everything anew and keep nothing' },
  device: modelOptions.device,
  dtype: modelOptions.dtype,
  slots: { type: 'integer', min: 1, max: 1024, default: 16, help: 'texts that a model folder writes at a time' },
  contextSize: { type: 'integer', min: 16, help: 'tokens that the context of a GGUF holds' },
  concurrency: { type: 'integer', min: 1, max: 1024, default: 8, help: 'requests on their way to --endpoint' },
  questions: { type: 'string', value: 'DIR', help: 'with --answers: the questions of pfgen-bench' },
  answers: { type: 'string', value: 'FILE', help: 'for the task pfgen: scores these answers, without a model' },
  out: { type: 'string', value: 'FILE', help: 'write the results to FILE as JSON' },
  records: { type: 'boolean', help: 'results hold what was asked, answered and expected, sample by sample' },
  list: { type: 'boolean', help: 'list the tasks' },
  json: { type: 'boolean', help: 'print the results as JSON' },
} as const;

type Options = OptionValues<typeof options>;

export const run = defineVerb(
  {
    command: 'tsumugi eval',
    summary: 'measure a model: benchmarks, perplexity',
    positionals: ['TASK…'],
    options,
    details: `TASK is a name from --list, or the path of a file with a task of your own (docs/eval.md). Name tasks first:
  tsumugi eval jcommonsenseqa jnli --model DIR --limit 200
  tsumugi eval text --model DIR --text novel.txt
  tsumugi eval pfgen --questions DIR --answers trials.jsonl
Answers are kept: a run that was stopped, or is run again, asks only what is missing.`,
  },
  async (values, io, names) => {
    if (values.list) return showTasks(values, io);
    checkOut(values.out);
    if (values.answers !== undefined || values.questions !== undefined) return rescore(values, io, names);
    return measure(values, io, names);
  },
);

async function showTasks({ json }: Options, io: Io): Promise<void> {
  const tasks = await listTasks();
  await write(io.stdout, json ? `${JSON.stringify(tasksAsJson(tasks))}\n` : formatTasks(tasks));
}

async function measure(values: Options, io: Io, names: readonly string[]): Promise<number> {
  const tasks = await findTasks(names.length === 0 && values.text.length > 0 ? ['text'] : names);
  if (tasks.length === 0)
    throw new ConfigError('no-task', 'tsumugi eval needs the name of a task', {
      remedy: 'tsumugi eval --list shows them.',
    });
  if (values.text.length > 0) {
    const place = tasks.findIndex(({ name }) => name === 'text');
    if (place < 0) throw new ConfigError('no-text-task', '--text is for the task text, which is not among the tasks');
    tasks[place] = textTask(values.text, readOptions(values));
  }
  const cache = values.noCache ? undefined : (values.cache ?? cacheFolder('answers'));
  await using backend = await openModel(values);
  await using judge = await openJudge(values);
  const controller = new AbortController();
  using _interrupt = new Interrupt(() => {
    io.stderr.write('\nending after what is being asked (Ctrl-C again to end at once)\n');
    controller.abort();
  });
  using progress = new TaskProgress(io);
  const report = await evaluate({
    ...{ tasks, backend, judge, cache },
    dataFolder: values.data,
    taskOptions: parseTaskOptions(values.set),
    ...{ limit: values.limit, shots: values.shots, seed: values.seed, keepTexts: values.records },
    signal: controller.signal,
    onProgress: (state) => progress.update(state),
  });
  progress[Symbol.dispose]();
  if (values.json) await write(io.stdout, `${JSON.stringify(report)}\n`);
  else if (report.tasks.length > 0) await write(io.stdout, formatResults(report));
  if (report.interrupted) {
    const kept = cache === undefined ? 'nothing is kept (--no-cache)' : `answers are kept in ${cache}`;
    io.stderr.write(`stopped; ${kept}${cache === undefined ? '' : ', the same command goes on from here'}\n`);
    return signalExitCode();
  }
  if (values.out !== undefined) writeFileAtomic(values.out, `${JSON.stringify(report, null, 2)}\n`);
  return 0;
}

/** The model under test. */
async function openModel(values: Options): Promise<Backend> {
  const { model, endpoint, apiKeyEnv, chat, concurrency, contextSize, slots } = values;
  if (model === undefined)
    throw new ConfigError(
      'missing-option',
      'tsumugi eval needs --model: a folder, a .gguf file, or a name at --endpoint',
      {
        remedy: 'See tsumugi eval --help.',
      },
    );
  const common = { model, endpoint, apiKeyEnv, chat, concurrency, contextSize, slots };
  if (endpoint !== undefined) return openBackend(common);
  const device = chooseDevice(values.device);
  return openBackend({ ...common, device, dtype: values.dtype ?? defaultDType(device) });
}

async function openJudge(values: Options): Promise<Backend | undefined> {
  const { judgeModel, judgeEndpoint, judgeApiKeyEnv, concurrency } = values;
  if (judgeModel !== undefined)
    return openBackend({ model: judgeModel, endpoint: judgeEndpoint, apiKeyEnv: judgeApiKeyEnv, concurrency });
  if (judgeEndpoint === undefined && judgeApiKeyEnv === undefined) return undefined;
  throw new ConfigError('missing-option', 'a judge needs --judge-model', { remedy: 'Name the model that grades.' });
}

/** Scores stored answers of pfgen-bench. */
async function rescore(values: Options, io: Io, names: readonly string[]): Promise<void> {
  const { questions, answers, out } = values;
  if (names.join() !== 'pfgen' || questions === undefined || answers === undefined)
    throw new ConfigError(
      'missing-option',
      'stored answers are scored with --questions and --answers for the task pfgen',
      {
        remedy: 'Write tsumugi eval pfgen --questions DIR --answers FILE.',
      },
    );
  const { rescorePfgen } = await import('../eval/pfgen/index.ts');
  using progress = new ProgressLine(io.stderr, 'pfgen');
  const result = await rescorePfgen({
    ...{ questions, answers },
    ...(values.noCache && { cacheFolder: null }),
    onProgress: ({ done, total, question }) => progress.update(done / total, question),
  });
  progress[Symbol.dispose]();
  const { score, fluency, truthfulness, helpfulness } = result;
  const rows = Object.entries({ score, fluency, truthfulness, helpfulness });
  await write(
    io.stdout,
    values.json
      ? `${JSON.stringify(result)}\n`
      : formatRows(rows.map(([name, value]) => [name, value.toFixed(4)] as const)),
  );
  if (out !== undefined) writeFileAtomic(out, `${JSON.stringify(result, null, 2)}\n`);
}

/** A forecast for each task, then a progress line. */
class TaskProgress implements Disposable {
  readonly #io: Io;
  #task: string | undefined;
  #line: ProgressLine | undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  update(state: EvaluationProgress): void {
    const { task, index, tasks, requests, cached, asked, done } = state;
    if (task !== this.#task) {
      this[Symbol.dispose]();
      this.#io.stderr.write(`${formatForecast(state)}\n`);
      this.#task = task;
      this.#line = new ProgressLine(this.#io.stderr, tasks > 1 ? `${task} (${index + 1} of ${tasks})` : task);
    }
    this.#line?.update(done, `${formatInteger(asked)} of ${formatInteger(requests - cached)} requests`);
  }

  [Symbol.dispose](): void {
    this.#line?.[Symbol.dispose]();
    this.#line = undefined;
  }
}

/** Now rather than after the measuring. @throws DataError when results cannot be written there */
function checkOut(out: string | undefined): void {
  if (out === undefined) return;
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory())
    throw new DataError('place-taken', `--out ${out} is a folder`, { remedy: 'Name a file, new or not.' });
  mkdirSync(dirname(out), { recursive: true });
}
