// `tsumugi eval`: measures a model on tasks. What `eval pfgen --questions … --answers …` reads and prints, where it scores stored
// answers without a model, must not change: other programs measure with it.
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  ConfigError,
  cacheFolder,
  DataError,
  makeFolder,
  signalExitCode,
  writeFileAtomic,
  writingAt,
} from '../base/index.ts';
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
import { baseOf } from '../lm/index.ts';
import { formatInteger, Interrupt } from '../run/index.ts';
import { defineCommand } from './command.ts';
import { checkPlaces, type Options, options, placesOf } from './eval-options.ts';
import { formatForecast, formatResults, formatTasks, tasksAsJson } from './eval-report.ts';
import { folderOf } from './hub-folder.ts';
import { type Io, write } from './io.ts';
import { chooseDevice, defaultDType } from './model-options.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { readOptions, textOptions } from './text-options.ts';

export const run = defineCommand(
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
    if (values.answers !== undefined || values.questions !== undefined) return rescore(values, io, names);
    return measure(values, io, names);
  },
);

async function showTasks(values: Options, io: Io): Promise<void> {
  checkPlaces(values, placesOf(values, 'list', []));
  const tasks = await listTasks();
  await write(io.stdout, values.json ? `${JSON.stringify(tasksAsJson(tasks))}\n` : formatTasks(tasks));
}

async function measure(values: Options, io: Io, names: readonly string[]): Promise<number> {
  const tasks = await findTasks(names.length === 0 && values.text.length > 0 ? ['text'] : names);
  if (tasks.length === 0)
    throw new ConfigError('no-task', 'tsumugi eval needs the name of a task', {
      remedy: 'Run tsumugi eval --list to see them.',
    });
  if (values.text.length > 0) {
    const place = tasks.findIndex(({ name }) => name === 'text');
    if (place < 0)
      throw new ConfigError('no-text-task', '--text is for the task text, which is not among the tasks', {
        remedy: 'Add the task text, or leave --text out.',
      });
    tasks[place] = textTask(values.text, readOptions({ ...values, field: values.field ?? textOptions.field.default }));
  }
  if (values.model === undefined && values.adapter !== undefined) values.model = baseOf(values.adapter);
  checkModels(values);
  if (values.endpoint === undefined) values.model = await folderOf(values.model!, 'model', io);
  if (values.judgeEndpoint === undefined && values.judgeModel !== undefined)
    values.judgeModel = await folderOf(values.judgeModel, 'model', io);
  checkPlaces(values, placesOf(values, 'measuring', tasks));
  checkOut(values.out);
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
    tasks,
    backend,
    judge,
    cache,
    dataFolder: values.data,
    taskOptions: parseTaskOptions(values.set),
    limit: values.limit,
    shots: values.shots,
    seed: values.seed ?? 0,
    keepTexts: values.records,
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
  if (values.endpoint !== undefined && report.tasks.some(({ cached }) => cached > 0))
    io.stderr.write(
      `answers that were kept of "${values.model}" at ${values.endpoint} count: if there is another model behind the name by now, ask anew with --no-cache\n`,
    );
  if (values.out !== undefined) writeFileAtomic(values.out, `${JSON.stringify(report, null, 2)}\n`);
  return 0;
}

/** @throws ConfigError when a model or a judge is spoken of and not named */
function checkModels({ model, judgeModel, judgeEndpoint, judgeApiKeyEnv }: Options): void {
  if (model === undefined)
    throw new ConfigError(
      'missing-option',
      'tsumugi eval needs --model: a folder, a .gguf file, or a name at --endpoint',
      {
        remedy: 'See tsumugi eval --help.',
      },
    );
  if (judgeModel === undefined && (judgeEndpoint !== undefined || judgeApiKeyEnv !== undefined))
    throw new ConfigError('missing-option', 'a judge needs --judge-model', { remedy: 'Name the model that grades.' });
}

/** The model under test, and the judge: each a folder, a GGUF or a name at an endpoint. */
function openModel(values: Options): Promise<Backend> {
  const { model, adapter, template, endpoint, apiKeyEnv, chat, reasoning } = values;
  return openAt(values, { model: model!, adapter, template, endpoint, apiKeyEnv, chat, reasoning });
}

async function openJudge(values: Options): Promise<Backend | undefined> {
  const { judgeModel, judgeEndpoint, judgeApiKeyEnv } = values;
  if (judgeModel === undefined) return undefined;
  return openAt(values, { model: judgeModel, endpoint: judgeEndpoint, apiKeyEnv: judgeApiKeyEnv });
}

function openAt(values: Options, place: Parameters<typeof openBackend>[0]): Promise<Backend> {
  const { concurrency, timeout, contextSize, slots } = values;
  if (place.endpoint !== undefined) return openBackend({ ...place, concurrency, timeoutSeconds: timeout });
  const device = chooseDevice(values.device);
  return openBackend({ ...place, contextSize, slots, device, dtype: values.dtype ?? defaultDType(device) });
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
  checkPlaces(values, placesOf(values, 'stored', []));
  checkOut(out);
  const { rescorePfgen } = await import('../eval/tasks/pfgen/index.ts');
  using progress = new ProgressLine(io.stderr, 'pfgen');
  const result = await rescorePfgen({
    questions,
    answers,
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

/** Called before the measuring, not after it. @throws DataError when results cannot be written there */
function checkOut(out: string | undefined): void {
  if (out === undefined) return;
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory())
    throw new DataError('place-taken', `--out ${out} is a folder`, { remedy: 'Name a file, new or not.' });
  makeFolder(dirname(out));
  writingAt(out, () => {
    const probe = `${out}.${process.pid}.tmp`;
    closeSync(openSync(probe, 'wx'));
    rmSync(probe);
  });
}
