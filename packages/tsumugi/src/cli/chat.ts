// `tsumugi chat`: a person and a model take turns, by the model's chat template. Base models have none, so there are no roles: what
// is typed is added to one text, and the model goes on from there.
import { ConfigError } from '../base/index.ts';
import { type LanguageModel, loadTokenizer, templateFolder } from '../lm/index.ts';
import { type ChatTemplate, findTemplate, type Tokenizer } from '../text/index.ts';
import { adaptedOptions, modelFolder, openModel } from './adapter-options.ts';
import { defineCommand } from './command.ts';
import { chatSampling, Dialogue, defaultSampling } from './dialogue.ts';
import { dim, type Io, processIo, readLines, write } from './io.ts';
import { chooseDevice, defaultDType, type SamplingValues } from './model-options.ts';
import { RunningConversation } from './running-conversation.ts';
import { RunningText, type Written } from './running-text.ts';
import { type LineSource, Terminal } from './terminal.ts';

export const run = defineCommand(
  {
    command: 'tsumugi chat',
    summary: 'talk with a model, or write a text together with one that has no chat template',
    options: {
      ...adaptedOptions,
      template: {
        type: 'string',
        value: 'NAME|FILE.jinja',
        help: 'chat template (default: the model’s own; without one you write a text together)',
      },
      system: { type: 'string', value: 'TEXT', help: 'what the model is told before the conversation' },
      ...chatSampling,
      json: { type: 'boolean', help: 'print each answer as a line of JSON: text, tokens, finish' },
    },
    details:
      'A model with a chat template answers what you write. To one without, what you write is added to the text, and the\n' +
      'model goes on from there. At a terminal, /help lists the commands.\n' +
      'Otherwise, and with --json, each line of standard input is a turn.',
  },
  async (options, io) => {
    const device = chooseDevice(options.device);
    const folder = await modelFolder('tsumugi chat', options, io);
    using model = await openModel(folder, options, { device, dtype: options.dtype ?? defaultDType(device) });
    const tokenizer = loadTokenizer(folder, model.config);
    const { model: _model, adapter: _adapter, device: _device, dtype: _dtype, ...rest } = options;
    const { template: asked, system, json, ...sampling } = rest;
    const template = findTemplate(templateFolder(folder, options.adapter), tokenizer, asked);
    await chat(model, tokenizer, { io, sampling, json, template, system });
  },
);

export interface ChatOptions {
  io?: Io;
  /** How to choose tokens, where it differs from the defaults of `tsumugi chat`. */
  sampling?: Partial<SamplingValues>;
  /** Answers as lines of JSON, as for a program. */
  json?: boolean;
  /** How turns are given to the model. Default: not at all, they are one text. */
  template?: ChatTemplate | undefined;
  /** What the model is told before the conversation. */
  system?: string | undefined;
}

/** Talks until the person leaves, or standard input ends. */
export async function chat(model: LanguageModel, tokenizer: Tokenizer, options: ChatOptions = {}): Promise<void> {
  const { io = processIo, json = false, template, system } = options;
  if (system !== undefined && template === undefined)
    throw new ConfigError('no-template', 'the model has no chat template that could tell it what --system says', {
      remedy: 'Name one with --template, or write the words first.',
    });
  const atTerminal = Boolean(io.stdin.isTTY && io.stdout.isTTY && !json);
  using lines: LineSource = atTerminal ? new Terminal(io) : pipedLines(io);
  using text: Written = template
    ? new RunningConversation(model, tokenizer, template, system)
    : new RunningText(model, tokenizer);
  const dialogue = new Dialogue(text, io, { ...defaultSampling, ...options.sampling }, json);
  if (atTerminal) {
    await write(
      io.stdout,
      template
        ? 'The model answers what you write. /help lists commands, Ctrl-D leaves.\n'
        : 'The model continues what you write. Enter alone lets it go on; /help lists commands, Ctrl-D leaves.\n',
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
