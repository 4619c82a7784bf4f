// `tsumugi chat`: a person and a model write one text in turns. Base models have no chat template, so there are no roles:
// what is typed is added to the text, and the model goes on from there.
import { type LanguageModel, loadModel, loadTokenizer } from '../lm/index.ts';
import type { Tokenizer } from '../text/index.ts';
import { defineCommand } from './command.ts';
import { chatSampling, Dialogue, defaultSampling } from './dialogue.ts';
import { dim, type Io, processIo, readLines, write } from './io.ts';
import { chooseDevice, defaultDType, modelOptions, type SamplingValues } from './model-options.ts';
import { RunningText } from './running-text.ts';
import { type LineSource, Terminal } from './terminal.ts';

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

/** Talks until the person leaves, or standard input ends. */
export async function chat(model: LanguageModel, tokenizer: Tokenizer, options: ChatOptions = {}): Promise<void> {
  const { io = processIo, json = false } = options;
  const atTerminal = Boolean(io.stdin.isTTY && io.stdout.isTTY && !json);
  using lines: LineSource = atTerminal ? new Terminal(io) : pipedLines(io);
  using text = new RunningText(model, tokenizer);
  const dialogue = new Dialogue(text, io, { ...defaultSampling, ...options.sampling }, json);
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
