// `tsumugi generate`: continues a text and streams what the model adds.
import { ConfigError } from '../base/index.ts';
import { endIds, Grammars, generateText, loadTokenizer, templateFolder } from '../lm/index.ts';
import { type ChatTemplate, encodePrompt, findTemplate, type Tokenizer, templateStopIds } from '../text/index.ts';
import { adaptedOptions, modelFolder, openModel } from './adapter-options.ts';
import { defineCommand } from './command.ts';
import { formatOptions, heldTo } from './format-options.ts';
import { type Io, printable, readAll, write } from './io.ts';
import { chooseDevice, defaultDType, generationSettings, samplingOptions } from './model-options.ts';
import { withoutEffect } from './without-effect.ts';

export const run = defineCommand(
  {
    command: 'tsumugi generate',
    summary: 'continue a text',
    options: {
      ...adaptedOptions,
      prompt: { type: 'string', help: 'the text to continue (default: read from standard input)' },
      chat: { type: 'boolean', help: 'the prompt is what a user says: the chat template writes it, the model answers' },
      template: {
        type: 'string',
        value: 'NAME|FILE.jinja',
        help: 'with --chat: chat template (default: the model’s own)',
      },
      ...samplingOptions,
      ...formatOptions,
      special: {
        type: 'boolean',
        help: 'control pieces spelled in the prompt, such as <|plamo:op|>, are meant as such',
      },
      json: { type: 'boolean', help: 'print one JSON object with text, ids, counts and speed instead' },
    },
    details:
      'Writes only what the model adds. From standard input, one line break at the end is not part of the prompt.',
  },
  async (options, io) => {
    if (options.chat) withoutEffect('with --chat pieces are written by the template', { special: options.special });
    else withoutEffect('it is for --chat', { template: options.template });
    const format = heldTo(options); // Before anything is fetched.
    const folder = await modelFolder('tsumugi generate', options, io);
    const prompt = options.prompt ?? (await readPrompt(io));
    const device = chooseDevice(options.device);
    using model = await openModel(folder, options, { device, dtype: options.dtype ?? defaultDType(device) });
    const tokenizer = loadTokenizer(folder, model.config);
    const template = options.chat ? chatTemplate(folder, options, tokenizer) : undefined;
    const promptIds = template
      ? encodePrompt(template, tokenizer, { messages: [{ role: 'user', content: prompt }] })
      : tokenizer.encode(prompt, { addBos: true, safe: !options.special });
    const settings = generationSettings(options);
    const stopIds = [...endIds(tokenizer, model.config), ...(template ? templateStopIds(template, tokenizer) : [])];
    using grammars = format && new Grammars(tokenizer);
    const held = format && { stopIds, constraint: await format.constrain(grammars!, stopIds) };

    const ids: number[] = [];
    const start = performance.now();
    let firstToken = start;
    const pieces = generateText(model, tokenizer, promptIds, {
      ...settings,
      ...held,
      stop: [...settings.stop, ...(template?.stop ?? [])],
      onId: (id) => {
        if (ids.push(id) === 1) firstToken = performance.now();
      },
    });
    let text = '';
    let next = pieces.next();
    for (; !next.done; next = pieces.next()) {
      text += next.value;
      if (!options.json) await write(io.stdout, printable(io.stdout, next.value));
    }
    if (!options.json) {
      await write(io.stdout, '\n');
      return;
    }
    const end = performance.now();
    const perSecond = (count: number, milliseconds: number) =>
      milliseconds > 0 ? (1000 * count) / milliseconds : null;
    const result = {
      text,
      ids,
      finish: next.value,
      promptTokens: promptIds.length,
      tokens: ids.length,
      promptTokensPerSecond: perSecond(promptIds.length, firstToken - start),
      // The first token comes out of the prompt's own pass.
      tokensPerSecond: perSecond(ids.length - 1, end - firstToken),
    };
    await write(io.stdout, `${JSON.stringify(result)}\n`);
  },
);

/** @throws ConfigError where the model has none and none is named */
function chatTemplate(
  folder: string,
  options: { adapter?: string | undefined; template?: string | undefined },
  tokenizer: Tokenizer,
): ChatTemplate {
  const found = findTemplate(templateFolder(folder, options.adapter), tokenizer, options.template);
  if (found) return found;
  throw new ConfigError('no-template', `${folder} has no chat template`, {
    remedy: 'Name one with --template, or leave --chat out.',
    fields: { folder },
  });
}

async function readPrompt(io: Io): Promise<string> {
  if (io.stdin.isTTY) {
    throw new ConfigError('no-prompt', 'tsumugi generate needs a text to continue', {
      remedy: 'Write --prompt TEXT, or pipe the text in.',
    });
  }
  return (await readAll(io.stdin)).replace(/\r?\n$/, '');
}
