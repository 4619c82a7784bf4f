// The turns of `tsumugi chat`: what the model adds, and the commands that begin with a slash.
import { setImmediate } from 'node:timers/promises';
import { ConfigError, deriveSeed, nearest, UserError } from '../base/index.ts';
import { checkSampling, type FinishReason } from '../lm/index.ts';
import { dim, type Io, printable, write } from './io.ts';
import { generationSettings, type SamplingValues, samplingOptions } from './model-options.ts';
import { flagOf, formatRows, parseValue } from './options.ts';
import type { Written } from './running-text.ts';
import type { LineSource } from './terminal.ts';

export const chatSampling = {
  ...samplingOptions,
  maxTokens: { ...samplingOptions.maxTokens, default: 128, help: 'tokens the model adds in a turn at most' },
  temperature: { ...samplingOptions.temperature, default: 0.8 },
  topP: { ...samplingOptions.topP, default: 0.95 },
  repetitionPenalty: { ...samplingOptions.repetitionPenalty, default: 1.1 },
} as const;

export const defaultSampling = Object.fromEntries(
  Object.entries(chatSampling).map(([key, spec]) => [key, 'default' in spec ? spec.default : []]),
) as unknown as SamplingValues;

export class Dialogue {
  readonly #text: Written;
  readonly #io: Io;
  readonly #json: boolean;
  #sampling: SamplingValues;
  #turns = 0;

  constructor(text: Written, io: Io, sampling: SamplingValues, json: boolean) {
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
      // Each turn draws anew: the same words need not get the same answer twice.
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
      // Lets the event loop see a key that was pressed meanwhile.
      await setImmediate();
    }
    if (finish === undefined) pieces.return('length');
    await write(stdout, this.#json ? `${JSON.stringify({ text: answer, tokens, finish })}\n` : '\n');
    const ended = finish === 'end' && this.#text.ended();
    if (withNotes) {
      const speed = `${tokens} tokens, ${((1000 * tokens) / (performance.now() - start)).toFixed(1)} tokens/s`;
      const note = ended ? '; the text has ended, what you write begins a new one' : interrupted ? '; stopped' : '';
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
