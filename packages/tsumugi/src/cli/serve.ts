// `tsumugi serve`: an OpenAI-compatible server over models of this machine.
import { ConfigError } from '../base/index.ts';
import { formatBytes, formatInteger, Interrupt } from '../run/index.ts';
import {
  forecastModel,
  makeLog,
  openModels,
  type RunningServer,
  requireKey,
  type ServedPlace,
  type ServerOptions,
  startServer,
} from '../serve/index.ts';
import { defineCommand } from './command.ts';
import { type Io, write } from './io.ts';
import type { OptionValues } from './options.ts';
import { keysOf } from './serve-keys.ts';
import { servedPlaces } from './serve-models.ts';
import { serveOptions } from './serve-options.ts';
import { parseSize } from './size-option.ts';
import { withoutEffect } from './without-effect.ts';

export const run = defineCommand(
  {
    command: 'tsumugi serve',
    summary: 'an OpenAI-compatible server: completions, chats, several models and adapters',
    options: serveOptions,
    details:
      'Ends in good order at Ctrl-C or SIGTERM: takes nothing more, lets what runs end, and exits with 0. A second one ends at once.',
  },
  async (options, io) => {
    const keys = keysOf(options);
    requireKey(options.host, keys); // Before anything is fetched.
    const models = await servedPlaces(options, io);
    checkGuesses(options, models);
    const { memoryBytes, cacheBytes } = memoryOf(options);
    const { maxTokens, queue, requestSeconds, context: contextTokens } = options;
    const limits = { maxTokens, queue, requestSeconds, contextTokens };
    if (options.plan) {
      const forecast = [...openModels(models, contextTokens).values()].map((model) => forecastModel(model, cacheBytes));
      const text = [...forecast.map(modelLine), memoryLine(memoryBytes, cacheBytes, options)].join('');
      await write(
        io.stdout,
        options.json ? `${JSON.stringify({ models: forecast, memoryBytes, cacheBytes })}\n` : text,
      );
      return 0;
    }
    const {
      host,
      port,
      cors,
      allowHost: hosts,
      slots,
      cacheDir,
      drainDelay,
      drainSeconds,
      promptLookup,
      draftTokens,
    } = options;
    const log = makeLog((line) => void io.stderr.write(line), options.json);
    await serve(
      {
        models,
        host,
        port,
        keys,
        limits,
        cors,
        hosts,
        slots,
        promptLookup,
        draftTokens,
        memoryBytes,
        cacheBytes,
        cacheDir,
        log,
        drainDelay,
        drainSeconds,
      },
      options,
      io,
    );
    return 0;
  },
);

type Options = OptionValues<typeof serveOptions>;

/** @throws ConfigError for guesses that nobody would make */
function checkGuesses({ draftTokens, promptLookup }: Options, models: readonly ServedPlace[]): void {
  if (models.every(({ draft }) => draft === undefined)) withoutEffect('it is for --draft', { draftTokens });
  if (models.every(({ draft }) => draft !== undefined))
    withoutEffect('each model has a draft', { promptLookup: promptLookup > 0 });
}

const DEFAULT_CACHE = 1 << 30;

function memoryOf({ memory, cache }: Options): { memoryBytes: number; cacheBytes: number } {
  const memoryBytes =
    memory === undefined ? Math.floor(0.8 * process.availableMemory()) : parseSize('--memory', memory);
  const usual = Math.min(DEFAULT_CACHE, Math.floor(memoryBytes / 4));
  const cacheBytes = cache === undefined ? usual : parseSize('--cache', cache);
  if (cacheBytes > 0) return { memoryBytes, cacheBytes };
  throw new ConfigError(
    'bad-option',
    `--cache: a cache of ${cacheBytes} bytes has no room for a text to be written in`,
    {
      remedy: 'Give it a size such as 64M, or leave --cache out.',
      fields: { option: '--cache', received: cache },
    },
  );
}

async function serve(settings: ServerOptions, options: Options, io: Io): Promise<void> {
  const start = performance.now();
  using interrupt = new Interrupt(
    () => void io.stderr.write('ending: what runs is finished; once more ends at once\n'),
  );
  const server = await startServer(settings);
  try {
    const forecast = server.models.map((model) => forecastModel(model, settings.cacheBytes));
    const closed = settings.keys?.length ? 'with a key' : 'without a key, for this machine alone';
    if (options.json)
      await write(
        io.stdout,
        `${JSON.stringify({ url: server.url, models: forecast, memoryBytes: settings.memoryBytes, cacheBytes: settings.cacheBytes })}\n`,
      );
    else
      io.stderr.write(
        `tsumugi serves ${server.url}, ${closed}\n${forecast.map(modelLine).join('')}${memoryLine(settings.memoryBytes, settings.cacheBytes, options)}`,
      );
    await Promise.race([server.ready, ended(interrupt)]);
    if (!interrupt.interrupted && !options.json)
      io.stderr.write(`ready after ${((performance.now() - start) / 1000).toFixed(1)} s\n${prefixLine(server)}`);
    await ended(interrupt);
  } finally {
    await server.close();
  }
}

const modelLine = ({
  name,
  folder,
  weightBytes,
  contextTokens,
  textBytes,
  template,
  draft,
}: ReturnType<typeof forecastModel>): string =>
  `  ${name}: ${folder}, weights ${formatBytes(weightBytes)}, context ${formatInteger(contextTokens)} tokens (${formatBytes(textBytes)} a text), ${template === null ? 'no chat template' : 'with chat template'}\n${draft ? `    guesses by ${draft.folder}, weights ${formatBytes(draft.weightBytes)}, cache ${formatBytes(draft.cacheBytes)}\n` : ''}`;

const memoryLine = (memoryBytes: number, cacheBytes: number, { slots, queue }: Options): string =>
  `  memory ${formatBytes(memoryBytes)}, of it ${formatBytes(cacheBytes)} for each model's cache; ${slots} texts at a time, ${queue} may wait\n`;

/** What can come from the cache at all. */
function prefixLine({ thread, models }: RunningServer): string {
  const smallest = thread.counters.models[models[0]!.name]?.smallestPrefix;
  if (!smallest) return '';
  const { boundary, grid } = smallest;
  return `  prefix cache: prompts share ${boundary} tokens or more up to the end of a message, elsewhere ${grid}\n`;
}

/** Resolves when a signal has asked to end. */
async function ended(interrupt: Interrupt): Promise<void> {
  while (!interrupt.interrupted) await new Promise((resolve) => setTimeout(resolve, 100));
}
