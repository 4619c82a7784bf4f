// `tsumugi chat`: a person and a model write one text in turns. Base models have no chat template, so there are no roles:
// what is typed is added to the text, and the model goes on from there.
import { setImmediate } from 'node:timers/promises';
import { ConfigError, deriveSeed, nearest, UserError } from '../base/index.ts';
import { checkSampling, type FinishReason, type LanguageModel, loadModel, loadTokenizer } from '../lm/index.ts';
import type { Tokenizer } from '../text/index.ts';
import { defineCommand } from './command.ts';
import { dim, type Io, printable, processIo, readLines, write } from './io.ts';
import {
  chooseDevice,
  defaultDType,
  generationSettings,
  modelOptions,
  type SamplingValues,
  samplingOptions,
} from './model-options.ts';
import { flagOf, formatRows, parseValue } from './options.ts';
import { RunningText } from './running-text.ts';
import { type LineSource, Terminal } from './terminal.ts';

const chatSampling = {
  ...samplingOptions,
  maxTokens: { ...samplingOptions.maxTokens, default: 128, help: 'tokens the model adds in a turn at most' },
  temperature: { ...samplingOptions.temperature, default: 0.8 },
  topP: { ...samplingOptions.topP, default: 0.95 },
  repetitionPenalty: { ...samplingOptions.repetitionPenalty, default: 1.1 },
} as const;

export const run = defineCommand(
  {
    command: 'tsumugi chat',
    summary: 'write a text together with a model',
    options: {
      ...modelOptions,
      ...chatSampling,
      json: { type: 'boolean', help: 'print each answer as a line of JSON: text, tokens, finish' },
    },
    details:
      'What you write is added to the text, and the model goes on from there. At a terminal, /help lists the commands.\n' +
      'Otherwise, and with --json, each line of standard input is a turn.',
  },
  async (options, io) => {
    const device = chooseDevice(options.device);
    using model = loadModel(options.model, { device, dtype: options.dtype ?? defaultDType(device) });
    const tokenizer = loadTokenizer(options.model, model.config);
    const { model: _folder, device: _device, dtype: _dtype, json, ...sampling } = options;
    await chat(model, tokenizer, { io, sampling, json });
  },
);

export interface ChatOptions {
  io?: Io;
  /** How to choose tokens, where it differs from the defaults of `tsumugi chat`. */
  sampling?: Partial<SamplingValues>;
  /** Answers as lines of JSON, as for a program. */
  json?: boolean;
}

const defaults = Object.fromEntries(
  Object.entries(chatSampling).map(([key, spec]) => [key, 'default' in spec ? spec.default : []]),
) as unknown as SamplingValues;

/** Talks until the person leaves, or standard input ends. */
export async function chat(model: LanguageModel, tokenizer: Tokenizer, options: ChatOptions = {}): Promise<void> {
  const { io = processIo, json = false } = options;
  const atTerminal = Boolean(io.stdin.isTTY && io.stdout.isTTY && !json);
  using lines: LineSource = atTerminal ? new Terminal(io) : pipedLines(io);
  using text = new RunningText(model, tokenizer);
  const dialogue = new Dialogue(text, io, { ...defaults, ...options.sampling }, json);
  if (atTerminal) {
    await write(
      io.stdout,
      `The model continues what you write. Enter alone lets it go on; /help lists commands, Ctrl-D leaves.\n`,
    );
  }
  for (;;) {
    const line = await askTurn(lines, io);
    if (line === undefined) break;
    if (line.startsWith('/')) {
      if ((await dialogue.command(line)) === 'leave') return;
    } else {
      await dialogue.turn(line, lines, atTerminal);
    }
  }
  if (atTerminal) await write(io.stdout, '\n');
}

/** A turn: a line, or several of which each but the last ends with a backslash. */
async function askTurn(lines: LineSource, io: Io): Promise<string | undefined> {
  let line = await lines.ask(dim(io.stdout, '› '));
  while (line?.endsWith('\\')) {
    const more = await lines.ask(dim(io.stdout, '… '));
    line = `${line.slice(0, -1)}\n${more ?? ''}`;
  }
  return line;
}

/** Lines that are not typed at a terminal. */
function pipedLines(io: Io): LineSource {
  const ready: string[] = [];
  const groups = readLines(io.stdin);
  return {
    async ask() {
      while (ready.length === 0) {
        const { value, done } = await groups.next();
        if (done) return undefined;
        ready.push(...value.map((line) => line.text));
      }
      return ready.shift()!.replace(/\r$/, '');
    },
    onInterrupt() {},
    [Symbol.dispose]() {
      void groups.return(undefined);
    },
  };
}

class Dialogue {
  readonly #text: RunningText;
  readonly #io: Io;
  readonly #json: boolean;
  #sampling: SamplingValues;
  #turns = 0;

  constructor(text: RunningText, io: Io, sampling: SamplingValues, json: boolean) {
    this.#text = text;
    this.#io = io;
    this.#sampling = sampling;
    this.#json = json;
  }

  /** Adds `line` to the text, lets the model go on, and shows what it writes as it comes. */
  async turn(line: string, lines: LineSource, withNotes: boolean): Promise<void> {
    const { stdout } = this.#io;
    let interrupted = false;
    lines.onInterrupt(() => {
      interrupted = true;
    });
    let tokens = 0;
    const start = performance.now();
    this.#text.append(line);
    const pieces = this.#text.continue({
      ...generationSettings(this.#sampling),
      // Another draw in each turn, so that the same words twice need not get the same answer twice.
      seed: deriveSeed(this.#sampling.seed, this.#turns++),
      onId: () => tokens++,
    });
    let finish: FinishReason | undefined;
    let answer = '';
    while (finish === undefined && !interrupted) {
      const next = pieces.next();
      if (next.done) finish = next.value;
      else if (this.#json) answer += next.value;
      else await write(stdout, printable(stdout, next.value));
      // Lets a key that was pressed meanwhile be heard.
      await setImmediate();
    }
    if (finish === undefined) pieces.return('length');
    await write(stdout, this.#json ? `${JSON.stringify({ text: answer, tokens, finish })}\n` : '\n');
    if (finish === 'end') this.#text.reset();
    if (withNotes) {
      const speed = `${tokens} tokens, ${((1000 * tokens) / (performance.now() - start)).toFixed(1)} tokens/s`;
      const note =
        finish === 'end' ? '; the text has ended, what you write begins a new one' : interrupted ? '; stopped' : '';
      await write(stdout, `${dim(stdout, `(${speed}${note})`)}\n`);
    }
  }

  /** Does what a line that begins with a slash asks for. */
  async command(line: string): Promise<'leave' | undefined> {
    const [name = '', ...words] = line.slice(1).trim().split(/\s+/);
    switch (name) {
      case 'exit':
      case 'quit':
        return 'leave';
      case 'reset':
        this.#text.reset();
        await this.#say('a new text begins');
        return undefined;
      case 'set':
        await this.#set(words);
        return undefined;
      case 'help':
        await this.#say(helpText(this.#sampling));
        return undefined;
      default: {
        const near = nearest(name, ['help', 'reset', 'set', 'exit']);
        await this.#say(`there is no command /${name}; ${near ? `did you mean /${near}?` : '/help lists them'}`);
        return undefined;
      }
    }
  }

  /** `/set temperature=0.5 top-p=0.9` */
  async #set(words: readonly string[]): Promise<void> {
    try {
      const changed: Record<string, unknown> = {};
      for (const word of words) Object.assign(changed, parseSetting(word));
      const sampling = { ...this.#sampling, ...changed } as SamplingValues;
      const { stop: _stop, maxTokens: _maxTokens, seed: _seed, ...filters } = sampling;
      checkSampling(filters);
      this.#sampling = sampling;
      await this.#say(describeSampling(sampling));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      await this.#say(error.message);
    }
  }

  async #say(text: string): Promise<void> {
    await write(this.#io.stderr, `${dim(this.#io.stderr, text)}\n`);
  }
}

/** @throws ConfigError for a setting that does not exist, or a value that it cannot have */
function parseSetting(word: string): Record<string, unknown> {
  const [flag, ...value] = word.split('=') as [string, ...string[]];
  const key = Object.keys(chatSampling).find((each) => flagOf(each) === flag);
  if (key === undefined || value.length === 0) {
    const known = Object.keys(chatSampling).map(flagOf);
    const near = nearest(flag, known);
    throw new ConfigError('unknown-setting', key ? `/set ${flag} needs a value` : `there is no setting "${flag}"`, {
      remedy: key ? `Write /set ${flag}=…` : near ? `Did you mean "${near}"?` : `Known: ${known.join(', ')}.`,
    });
  }
  const spec = chatSampling[key as keyof typeof chatSampling];
  const text = value.join('=');
  return { [key]: text === '' && spec.type === 'list' ? [] : parseValue(spec, flag, text) };
}

function describeSampling(sampling: SamplingValues): string {
  return Object.entries(sampling)
    .map(([key, value]) => `${flagOf(key)}=${Array.isArray(value) ? value.join(',') : value}`)
    .join(' ');
}

function helpText(sampling: SamplingValues): string {
  return `${formatRows([
    ['(text)', 'is added to the text, and the model goes on; end a line with \\ to write more lines'],
    ['(nothing)', 'the model goes on'],
    ['/reset', 'begin a new text'],
    ['/set NAME=VALUE', 'change how tokens are chosen'],
    ['/help', 'show this'],
    ['/exit', 'leave (or Ctrl-D); Ctrl-C stops the model while it writes, and leaves otherwise'],
  ])}now: ${describeSampling(sampling)}`;
}
